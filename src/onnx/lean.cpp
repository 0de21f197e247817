// SPDX-License-Identifier: Apache-2.0
#include "onnx/lean.hpp"

#include <cstdint>

#include "base/assert.hpp"

namespace lichen::formats {
namespace {

constexpr std::uint32_t kModelGraph = 7;
constexpr std::uint32_t kGraphInitializer = 5;
constexpr std::uint32_t kTensorRawData = 9;
constexpr std::size_t kWeightBytesMin = 256;  // smaller ones are not worth their own view

enum WireType : std::uint32_t { kVarint = 0, kEightBytes = 1, kLength = 2, kFourBytes = 5 };

std::uint64_t varint_at(ByteView bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    LICHEN_ASSERT(at < bytes.size() && shift < 64);
    const auto byte = std::to_integer<std::uint64_t>(bytes[at++]);
    value |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
}

struct Field {
  std::uint32_t number = 0;
  std::uint32_t type = 0;
  ByteView whole;  // with its key
  ByteView value;  // of kLength: what the length counts
  [[nodiscard]] bool is(std::uint32_t wanted) const { return number == wanted && type == kLength; }
};

Field field_at(ByteView message, std::size_t& at) {
  const std::size_t start = at;
  const std::uint64_t key = varint_at(message, at);
  Field field{static_cast<std::uint32_t>(key >> 3), static_cast<std::uint32_t>(key & 7), {}, {}};
  std::uint64_t length = 0;
  if (field.type == kVarint) static_cast<void>(varint_at(message, at));
  if (field.type == kEightBytes) length = 8;
  if (field.type == kFourBytes) length = 4;
  if (field.type == kLength) length = varint_at(message, at);
  LICHEN_ASSERT(length <= message.size() - at);
  field.value = message.subspan(at, static_cast<std::size_t>(length));
  at += static_cast<std::size_t>(length);
  field.whole = message.subspan(start, at - start);
  return field;
}

template <typename Visit>
void each_field(ByteView message, Visit visit) {
  for (std::size_t at = 0; at < message.size();) visit(field_at(message, at));
}

void append(Bytes& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_varint(Bytes& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<std::byte>(value | 0x80));
  to.push_back(static_cast<std::byte>(value));
}

void append_message(Bytes& to, std::uint32_t number, ByteView message) {
  append_varint(to, std::uint64_t{number} << 3 | kLength);
  append_varint(to, message.size());
  append(to, message);
}

// As protobuf reads a field that is there twice: the last one counts.
ByteView raw_data_of(ByteView tensor) {
  ByteView raw;
  each_field(tensor, [&](const Field& field) {
    if (field.is(kTensorRawData)) raw = field.value;
  });
  return raw;
}

// raw_data where it stays in the file; empty: the message keeps it.
ByteView weights_of(ByteView tensor) {
  const ByteView raw = raw_data_of(tensor);
  return raw.size() < kWeightBytesMin ? ByteView{} : raw;
}

std::size_t weight_bytes_of(ByteView graph) {
  std::size_t bytes = 0;
  each_field(graph, [&](const Field& field) {
    if (field.is(kGraphInitializer)) bytes += weights_of(field.value).size();
  });
  return bytes;
}

Bytes without_raw_data(ByteView tensor) {
  Bytes rest;
  each_field(tensor, [&](const Field& field) {
    if (!field.is(kTensorRawData)) append(rest, field.whole);
  });
  return rest;
}

Bytes lean_graph(ByteView graph, std::vector<ByteView>& weights) {
  Bytes lean;
  lean.reserve(graph.size() - weight_bytes_of(graph));
  each_field(graph, [&](const Field& field) {
    if (!field.is(kGraphInitializer)) return append(lean, field.whole);
    weights.push_back(weights_of(field.value));
    if (weights.back().empty()) return append(lean, field.whole);
    append_message(lean, kGraphInitializer, without_raw_data(field.value));
  });
  return lean;
}

}  // namespace

LeanModel without_weights(ByteView file) {
  std::size_t weight_bytes = 0;
  each_field(file, [&](const Field& field) {
    if (field.is(kModelGraph)) weight_bytes += weight_bytes_of(field.value);
  });
  LeanModel model;
  if (weight_bytes == 0) return model;
  model.message.reserve(file.size() - weight_bytes);
  each_field(file, [&](const Field& field) {
    if (!field.is(kModelGraph)) return append(model.message, field.whole);
    append_message(model.message, kModelGraph, lean_graph(field.value, model.weights));
  });
  return model;
}

}  // namespace lichen::formats
