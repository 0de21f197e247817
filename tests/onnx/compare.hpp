// SPDX-License-Identifier: Apache-2.0
// One of ONNX's backend test cases: read, run, compared as its own runner does it, |a - b| <= 1e-7 + 1e-3 |b|.
#pragma once

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "engine/session.hpp"
#include "onnx/onnx.hpp"

namespace lichen::testing {

enum class Verdict : std::uint8_t { kPassed, kRefused, kWrong };

[[nodiscard]] inline std::string_view name_of(Verdict verdict) {
  constexpr std::string_view kNames[] = {"passed", "refused", "wrong"};
  return kNames[static_cast<std::size_t>(verdict)];
}

struct CaseResult {
  Verdict verdict = Verdict::kPassed;
  std::string reason;
};

[[nodiscard]] inline Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

// An error that is no refusal is a wrong answer: the models are sound.
[[nodiscard]] inline CaseResult from_error(const Error& error) {
  const bool refused = error.code == Code::kUnsupported || error.code == Code::kExhausted;
  return {refused ? Verdict::kRefused : Verdict::kWrong, error.to_line()};
}

[[nodiscard]] inline float half_to_float(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

template <typename T>
[[nodiscard]] T element(ByteView bytes, std::size_t i) {
  T value{};
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

[[nodiscard]] inline double number_at(ByteView bytes, tensor::DType dtype, std::size_t i) {
  switch (dtype) {
    case tensor::DType::kF32:
      return element<float>(bytes, i);
    case tensor::DType::kF16:
      return half_to_float(element<std::uint16_t>(bytes, i));
    case tensor::DType::kI8:
      return element<std::int8_t>(bytes, i);
    case tensor::DType::kU8:
    case tensor::DType::kBool:
      return element<std::uint8_t>(bytes, i);
    case tensor::DType::kI16:
      return element<std::int16_t>(bytes, i);
    case tensor::DType::kI32:
      return element<std::int32_t>(bytes, i);
    case tensor::DType::kI64:
      return static_cast<double>(element<std::int64_t>(bytes, i));
  }
  return NAN;
}

[[nodiscard]] inline bool is_close(double got, double wanted) {
  if (std::isnan(wanted) || std::isnan(got)) return std::isnan(wanted) && std::isnan(got);
  if (std::isinf(wanted) || std::isinf(got)) return wanted == got;
  return std::abs(got - wanted) <= 1e-7 + 1e-3 * std::abs(wanted);
}

[[nodiscard]] inline std::string difference(const engine::TensorInfo& info, ByteView got, const tensor::Tensor& wanted) {
  if (info.spec.dtype != wanted.spec.dtype) {
    return fmt::format("'{}' is {}, not {}", info.spec.name, tensor::name_of(info.spec.dtype),
                       tensor::name_of(wanted.spec.dtype));
  }
  if (!info.spec.shape.known() || info.spec.shape != wanted.spec.shape) {
    return fmt::format("'{}' is {}, not {}", info.spec.name, info.spec.shape.to_text(), wanted.spec.shape.to_text());
  }
  const auto elements = static_cast<std::size_t>(wanted.spec.shape.elements());
  if (got.size() != wanted.spec.bytes()) return fmt::format("'{}' has {} bytes", info.spec.name, got.size());
  std::size_t off = 0;
  std::string first;
  for (std::size_t i = 0; i < elements; ++i) {
    const double a = number_at(got, wanted.spec.dtype, i);
    const double b = number_at(wanted.data.bytes(), wanted.spec.dtype, i);
    if (is_close(a, b)) continue;
    if (off++ == 0) first = fmt::format("[{}] is {}, not {}", i, a, b);
  }
  return off == 0 ? "" : fmt::format("'{}' {} ({} of {} elements differ)", info.spec.name, first, off, elements);
}

[[nodiscard]] inline Result<std::vector<tensor::Tensor>> read_data(const std::filesystem::path& set, const char* kind) {
  std::vector<tensor::Tensor> tensors;
  for (std::size_t i = 0;; ++i) {
    const std::filesystem::path path = set / fmt::format("{}_{}.pb", kind, i);
    if (!std::filesystem::exists(path)) return tensors;
    const Bytes bytes = read_bytes(path);
    // A tensor without name and data is a valid message of no bytes.
    tensors.push_back(LICHEN_TRY(formats::read_onnx_tensor(bytes, path.filename().string())));
  }
}

[[nodiscard]] inline CaseResult run_set(engine::Session& session, const std::filesystem::path& set) {
  const auto inputs = read_data(set, "input");
  if (!inputs) return from_error(inputs.error());
  const auto outputs = read_data(set, "output");
  if (!outputs) return from_error(outputs.error());
  if (inputs->size() != session.inputs().size())
    return {Verdict::kWrong, fmt::format("{} inputs, {} in the test", session.inputs().size(), inputs->size())};
  std::vector<tensor::Shape> shapes;
  bool same = true;
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    shapes.push_back((*inputs)[i].spec.shape);
    same = same && shapes[i] == session.inputs()[i].spec.shape;
  }
  if (!same) {
    if (const auto resized = session.resize(shapes); !resized) return from_error(resized.error());
  }
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    const ByteView from = (*inputs)[i].data.bytes();
    const std::span<std::byte> to = session.input(i);
    if (to.size() != from.size()) return {Verdict::kWrong, fmt::format("input {} has {} bytes", i, to.size())};
    std::ranges::copy(from, to.begin());
  }
  if (const auto ran = session.run(); !ran) return from_error(ran.error());
  if (outputs->size() != session.outputs().size())
    return {Verdict::kWrong, fmt::format("{} outputs, {} in the test", session.outputs().size(), outputs->size())};
  for (std::size_t i = 0; i < outputs->size(); ++i) {
    const std::string why = difference(session.outputs()[i], session.output(i), (*outputs)[i]);
    if (!why.empty()) return {Verdict::kWrong, why};
  }
  return {};
}

enum class Trip : std::uint8_t { kRead, kReadWriteRead };

[[nodiscard]] inline CaseResult run_case(const std::filesystem::path& folder, Trip trip) {
  Bytes file = read_bytes(folder / "model.onnx");  // the graph borrows from it
  auto graph = formats::read_onnx(file, "model.onnx");
  if (!graph) return from_error(graph.error());
  if (trip == Trip::kReadWriteRead) {
    auto written = formats::write_onnx(*graph);
    if (!written) return from_error(written.error());
    file = *std::move(written);
    graph = formats::read_onnx(file, "written.onnx");
    if (!graph) return {Verdict::kWrong, "what was written is not read: " + graph.error().to_line()};
  }
  const auto session = engine::Session::create(*graph, {});
  if (!session) return from_error(session.error());
  for (std::size_t i = 0;; ++i) {
    const std::filesystem::path set = folder / fmt::format("test_data_set_{}", i);
    if (!std::filesystem::exists(set)) return {};
    if (CaseResult result = run_set(**session, set); result.verdict != Verdict::kPassed) return result;
  }
}

}  // namespace lichen::testing
