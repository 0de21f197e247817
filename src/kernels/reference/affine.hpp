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

template <typename T>
[[nodiscard]] inline float real_of(T stored, Affine q) {
  return q.scale * static_cast<float>(static_cast<std::int32_t>(stored) - q.zero_point);
}

// Saturates. NaN gives the zero point.
template <typename T>
[[nodiscard]] inline T stored_of(float real, Affine q, Rounding rounding) {
  const float steps =
      rounding == Rounding::kNearestEven ? std::nearbyint(real / q.scale) : std::round(real * (1.0F / q.scale));
  const float moved = steps + static_cast<float>(q.zero_point);
  if (std::isnan(moved)) return static_cast<T>(q.zero_point);
  return static_cast<T>(std::clamp(moved, float{std::numeric_limits<T>::min()}, float{std::numeric_limits<T>::max()}));
}

}  // namespace lichen::kernels::reference
