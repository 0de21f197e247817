// SPDX-License-Identifier: Apache-2.0
// The bits of f16 elements (binary16 of IEEE 754) to f32 and back. Inline, for loops over them.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace lichen::tensor {

// Exact; NaNs keep their payload.
[[nodiscard]] inline float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t rest = half & 0x7FFFU;
  if (rest >= 0x7C00U) return std::bit_cast<float>(sign | 0x7F800000U | ((rest & 0x3FFU) << 13));  // infinity, NaN
  if (rest >= 0x400U) return std::bit_cast<float>(sign | ((rest << 13) + (112U << 23)));  // 112: biases' difference
  const float small = static_cast<float>(rest) * 0x1p-24F;
  return sign != 0 ? -small : small;
}

// To the nearest, halves to even; infinity where that is beyond 65504.
[[nodiscard]] inline std::uint16_t half_of_float(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t rest = bits & 0x7FFFFFFFU;
  if (rest > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U | ((rest >> 13) & 0x3FFU));
  if (rest >= 0x47800000U) return sign | 0x7C00U;  // 65536 and above
  if (rest < 0x38800000U) {                        // below the smallest normal: in steps of 2^-24
    const float steps = std::nearbyint(std::abs(x) * 0x1p24F);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(steps));
  }
  const std::uint32_t rounded = rest + 0xFFFU + ((rest >> 13) & 1U);  // may carry into infinity
  return static_cast<std::uint16_t>(sign | ((rounded - (112U << 23)) >> 13));
}

}  // namespace lichen::tensor
