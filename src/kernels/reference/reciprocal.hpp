// SPDX-License-Identifier: Apache-2.0
// gemmlowp's fixed-point reciprocal (fixedpoint/fixedpoint.h). Fixed-point numbers are int32 with the number of integer
// bits in their comments; "q2.29" has 2 of them.
#pragma once

#include "kernels/fixed_point.hpp"

namespace lichen::kernels::reference {

[[nodiscard]] inline std::int32_t saturating_shift_left(std::int32_t x, int bits) {
  const std::int64_t wide = std::int64_t{x} << bits;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(wide, std::numeric_limits<std::int32_t>::min(),
                                                            std::numeric_limits<std::int32_t>::max()));
}

// 1 / (1 + a) of a in [0, 1), q0.31 -> q0.31: Newton-Raphson from 48/17 - 32/17 d.
[[nodiscard]] inline std::int32_t one_over_one_plus(std::int32_t a) {
  constexpr std::int32_t kOne = std::numeric_limits<std::int32_t>::max();
  constexpr std::int32_t k48Over17 = 1515870810;        // q2.29
  constexpr std::int32_t kMinus32Over17 = -1010580540;  // q2.29
  constexpr std::int32_t kOneQ2 = 1 << 29;
  const auto half_denominator = static_cast<std::int32_t>((std::int64_t{a} + kOne + 1) / 2);
  std::int32_t x = wrapping_add(k48Over17, doubling_high_multiply(half_denominator, kMinus32Over17));
  for (int i = 0; i < 3; ++i) {
    const std::int32_t error = wrapping_add(kOneQ2, -doubling_high_multiply(half_denominator, x));
    x = wrapping_add(x, saturating_shift_left(doubling_high_multiply(x, error), 2));
  }
  return saturating_shift_left(x, 1);
}

}  // namespace lichen::kernels::reference
