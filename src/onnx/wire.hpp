// SPDX-License-Identifier: Apache-2.0
// A first look at the bytes of a protobuf message, before the library decodes it: is every field whole, how deep does it
// nest, and how much memory will its messages take? The library answers none of the three for hostile bytes.
// Format: protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace lichen::formats {

enum class OnnxMessage : std::uint8_t {
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparseTensor,
  kValueInfo,
  kType,
  kTensorType,
  kShape,
  kFunction,
  kTraining,
  kLeaf,  // messages that hold none that matter
};

// kBadInput naming the byte; kExhausted where decoding would take more than the file's size and `extra_bytes_max`.
[[nodiscard]] Result<void> check_wire(ByteView file, OnnxMessage root, std::string_view name,
                                      std::size_t extra_bytes_max);

}  // namespace lichen::formats
