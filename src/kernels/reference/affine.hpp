// SPDX-License-Identifier: Apache-2.0
// Stored integers as reals and back, for ops on quantized tensors that are computed in f32.
#pragma once

#include <cmath>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

// Of the division by the output's scale: LiteRT's tables multiply by its inverse and round halves away from zero; ONNX
// divides and rounds halves to even.
enum class Rounding : std::uint8_t { kAwayFromZero, kNearestEven };

struct Affine {
  float scale = 1.0F;
  std::int32_t zero_point = 0;
};

// To the nearest whole number, halves to even; for |x| <= 2^22, which needs no call as nearbyint does.
[[nodiscard]] inline float rounded_to_even(float x) {
  constexpr float kShift = 0x1.8p23F;  // floats of this size are whole
  return (x + kShift) - kShift;
}

// round(real / scale) + zero point, halves to even, saturated; NaN gives the zero point.
template <typename T>
[[nodiscard]] inline T stored_even(float real, float scale, float zero_point) {
  constexpr float kFar = 1e5F;  // beyond what any zero point brings back
  const float steps = rounded_to_even(std::min(std::max(real / scale, -kFar), kFar)) + zero_point;
  const float whole = std::isnan(steps) ? zero_point : steps;
  return static_cast<T>(static_cast<std::int32_t>(
      std::min(std::max(whole, float{std::numeric_limits<T>::min()}), float{std::numeric_limits<T>::max()})));
}

template <typename T>
[[nodiscard]] inline float real_of(T stored, Affine q) {
  return q.scale * static_cast<float>(static_cast<std::int32_t>(stored) - q.zero_point);
}

// Saturates. NaN gives the zero point.
template <typename T>
[[nodiscard]] inline T stored_of(float real, Affine q, Rounding rounding) {
  if (rounding == Rounding::kNearestEven) return stored_even<T>(real, q.scale, static_cast<float>(q.zero_point));
  const float steps = std::round(real * (1.0F / q.scale));
  const float moved = steps + static_cast<float>(q.zero_point);
  if (std::isnan(moved)) return static_cast<T>(q.zero_point);
  return static_cast<T>(std::clamp(moved, float{std::numeric_limits<T>::min()}, float{std::numeric_limits<T>::max()}));
}

}  // namespace lichen::kernels::reference
