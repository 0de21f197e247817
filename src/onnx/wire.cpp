// SPDX-License-Identifier: Apache-2.0
#include "onnx/wire.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

namespace lichen::formats {
namespace {

constexpr std::size_t kDepthMax = 64;
// In memory, of one: the largest message class with its allocation; a string with its pointer; an unknown number.
constexpr std::size_t kMessageBytes = 320;
constexpr std::size_t kStringBytes = 56;
constexpr std::size_t kNumberBytes = 16;

struct Child {
  OnnxMessage parent;
  std::uint32_t field;
  OnnxMessage message;
};
constexpr std::array kChildren = {
    Child{OnnxMessage::kModel, 7, OnnxMessage::kGraph},
    Child{OnnxMessage::kModel, 8, OnnxMessage::kLeaf},
    Child{OnnxMessage::kModel, 14, OnnxMessage::kLeaf},
    Child{OnnxMessage::kModel, 20, OnnxMessage::kTraining},
    Child{OnnxMessage::kModel, 25, OnnxMessage::kFunction},
    Child{OnnxMessage::kGraph, 1, OnnxMessage::kNode},
    Child{OnnxMessage::kGraph, 5, OnnxMessage::kTensor},
    Child{OnnxMessage::kGraph, 11, OnnxMessage::kValueInfo},
    Child{OnnxMessage::kGraph, 12, OnnxMessage::kValueInfo},
    Child{OnnxMessage::kGraph, 13, OnnxMessage::kValueInfo},
    Child{OnnxMessage::kGraph, 14, OnnxMessage::kLeaf},
    Child{OnnxMessage::kGraph, 15, OnnxMessage::kSparseTensor},
    Child{OnnxMessage::kNode, 5, OnnxMessage::kAttribute},
    Child{OnnxMessage::kAttribute, 5, OnnxMessage::kTensor},
    Child{OnnxMessage::kAttribute, 6, OnnxMessage::kGraph},
    Child{OnnxMessage::kAttribute, 10, OnnxMessage::kTensor},
    Child{OnnxMessage::kAttribute, 11, OnnxMessage::kGraph},
    Child{OnnxMessage::kAttribute, 14, OnnxMessage::kType},
    Child{OnnxMessage::kAttribute, 15, OnnxMessage::kType},
    Child{OnnxMessage::kAttribute, 22, OnnxMessage::kSparseTensor},
    Child{OnnxMessage::kAttribute, 23, OnnxMessage::kSparseTensor},
    Child{OnnxMessage::kTensor, 3, OnnxMessage::kLeaf},
    Child{OnnxMessage::kTensor, 13, OnnxMessage::kLeaf},
    Child{OnnxMessage::kSparseTensor, 1, OnnxMessage::kTensor},
    Child{OnnxMessage::kSparseTensor, 2, OnnxMessage::kTensor},
    Child{OnnxMessage::kValueInfo, 2, OnnxMessage::kType},
    Child{OnnxMessage::kType, 1, OnnxMessage::kTensorType},
    Child{OnnxMessage::kType, 4, OnnxMessage::kValueInfo},  // sequence, map, optional: a type in field 1 or 2
    Child{OnnxMessage::kType, 5, OnnxMessage::kValueInfo},
    Child{OnnxMessage::kType, 8, OnnxMessage::kTensorType},
    Child{OnnxMessage::kType, 9, OnnxMessage::kValueInfo},
    Child{OnnxMessage::kTensorType, 2, OnnxMessage::kShape},
    Child{OnnxMessage::kShape, 1, OnnxMessage::kLeaf},
    Child{OnnxMessage::kFunction, 7, OnnxMessage::kNode},
    Child{OnnxMessage::kFunction, 9, OnnxMessage::kLeaf},
    Child{OnnxMessage::kFunction, 11, OnnxMessage::kAttribute},
    Child{OnnxMessage::kTraining, 1, OnnxMessage::kGraph},
    Child{OnnxMessage::kTraining, 2, OnnxMessage::kGraph},
    Child{OnnxMessage::kTraining, 3, OnnxMessage::kLeaf},
    Child{OnnxMessage::kTraining, 4, OnnxMessage::kLeaf},
};

// Fields of numbers that a file may pack: a byte each there, 8 in memory.
struct Packed {
  OnnxMessage parent;
  std::uint32_t field;
};
constexpr std::array kPacked = {
    Packed{OnnxMessage::kTensor, 1},    Packed{OnnxMessage::kTensor, 5},    Packed{OnnxMessage::kTensor, 7},
    Packed{OnnxMessage::kTensor, 11},   Packed{OnnxMessage::kAttribute, 8}, Packed{OnnxMessage::kSparseTensor, 3},
};
constexpr std::array kPackedFloats = {
    Packed{OnnxMessage::kTensor, 4},
    Packed{OnnxMessage::kTensor, 10},
    Packed{OnnxMessage::kAttribute, 7},
};

template <typename Rows>
bool has_row(const Rows& rows, OnnxMessage parent, std::uint32_t field) {
  return std::ranges::any_of(rows, [&](const auto& row) { return row.parent == parent && row.field == field; });
}

class Scanner {
 public:
  Scanner(ByteView file, std::string_view name, std::size_t extra_max)
      : file_(file), name_(name), extra_max_(extra_max) {}

  Result<void> scan(OnnxMessage message, std::size_t begin, std::size_t end, std::size_t depth) {
    if (depth > kDepthMax) return bad(begin, fmt::format("messages nest deeper than {}", kDepthMax));
    for (std::size_t at = begin; at < end;) {
      const std::size_t start = at;
      const std::uint64_t key = LICHEN_TRY(varint(at, end));
      const auto field = static_cast<std::uint32_t>(key >> 3);
      if (field == 0 || (key >> 3) > 0x1FFFFFFF) return bad(start, fmt::format("field number {}", key >> 3));
      LICHEN_TRY(scan_value(message, field, static_cast<int>(key & 7), start, at, end, depth));
      if (extra_ > extra_max_)
        return fail(Code::kExhausted, "cannot read file", fmt::format("{}, byte {}", name_, start),
                    fmt::format("its messages take more than {} bytes beside its weights", extra_max_));
    }
    return {};
  }

 private:
  std::unexpected<Error> bad(std::size_t at, std::string why) const {
    return fail(Code::kBadInput, "cannot read file", fmt::format("{}, byte {}", name_, at), std::move(why),
                "it is damaged, or no ONNX file");
  }

  Result<std::uint64_t> varint(std::size_t& at, std::size_t end) const {
    const std::size_t start = at;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at == end) return bad(start, "a number is cut off");
      const auto byte = static_cast<std::uint64_t>(file_[at++]);
      value |= (byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return bad(start, "a number of more than 10 bytes");
  }

  Result<void> scan_value(OnnxMessage message, std::uint32_t field, int type, std::size_t start, std::size_t& at,
                          std::size_t end, std::size_t depth) {
    constexpr int kVarint = 0;
    constexpr int kEightBytes = 1;
    constexpr int kLength = 2;
    constexpr int kFourBytes = 5;
    if (type == kVarint) {
      static_cast<void>(LICHEN_TRY(varint(at, end)));
      extra_ += kNumberBytes;
      return {};
    }
    if (type == kEightBytes || type == kFourBytes) {
      const std::size_t size = type == kEightBytes ? 8 : 4;
      if (end - at < size) return bad(start, fmt::format("field {} is cut off", field));
      at += size;
      extra_ += kNumberBytes;
      return {};
    }
    if (type != kLength) return bad(start, fmt::format("field {} has wire type {}", field, type));
    const std::uint64_t length = LICHEN_TRY(varint(at, end));
    if (length > end - at) {
      return bad(start, fmt::format("field {} claims {} bytes, {} are left", field, length, end - at));
    }
    const std::size_t value = at;
    at += static_cast<std::size_t>(length);
    const auto child = std::ranges::find_if(
        kChildren, [&](const Child& row) { return row.parent == message && row.field == field; });
    if (child != kChildren.end()) {
      extra_ += kMessageBytes;
      return scan(child->message, value, at, depth + 1);
    }
    if (has_row(kPacked, message, field)) {
      extra_ += (at - value) * 7;
    } else if (!has_row(kPackedFloats, message, field)) {
      extra_ += kStringBytes;
    }
    return {};
  }

  ByteView file_;
  std::string_view name_;
  std::size_t extra_max_;
  std::size_t extra_ = 0;
};

}  // namespace

Result<void> check_wire(ByteView file, OnnxMessage root, std::string_view name, std::size_t extra_bytes_max) {
  return Scanner(file, name, extra_bytes_max).scan(root, 0, file.size(), 0);
}

}  // namespace lichen::formats
