// SPDX-License-Identifier: Apache-2.0
// Element types of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lichen::tensor {

enum class DType : std::uint8_t { kF32, kF16, kI8, kU8, kI16, kI32, kI64, kBool };

// Bytes of one element.
[[nodiscard]] std::size_t size_of(DType dtype);

// "f32", "f16", "i8", "u8", "i16", "i32", "i64", "bool".
[[nodiscard]] std::string_view name_of(DType dtype);
[[nodiscard]] std::optional<DType> dtype_named(std::string_view name);

}  // namespace lichen::tensor
