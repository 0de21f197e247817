// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/inverse_sqrt.hpp"

#include <bit>

namespace lichen::kernels::reference {
namespace {

std::int32_t saturating_shift_left(std::int32_t x, int bits) {
  const std::int64_t wide = std::int64_t{x} << bits;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(wide, std::numeric_limits<std::int32_t>::min(),
                                                            std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

// x is brought to [1/4, 1) of q3.28 in steps of factors of 4, whose roots are shifts.
Multiplier inverse_sqrt(std::int32_t x) {
  if (x <= 1) return {std::numeric_limits<std::int32_t>::max(), 0};
  int shift = 11;
  while (x >= (1 << 29)) {
    x /= 4;
    ++shift;
  }
  const int pairs = (std::countl_zero(static_cast<std::uint32_t>(x)) - 1) / 2 - 1;
  shift -= pairs;
  x <<= 2 * pairs;
  constexpr std::int32_t kOneAndHalf = (1 << 28) + (1 << 27);  // q3.28
  constexpr std::int32_t kHalfSqrt2 = 1518500250;              // q0.31
  const std::int32_t half = rounding_divide_by_power_of_two(x >> 1, 1);
  std::int32_t y = 1 << 28;  // q3.28
  for (int i = 0; i < 5; ++i) {
    const std::int32_t cube = saturating_shift_left(doubling_high_multiply(doubling_high_multiply(y, y), y), 6);
    y = saturating_shift_left(
        wrapping_add(doubling_high_multiply(kOneAndHalf, y), -doubling_high_multiply(half, cube)), 3);
  }
  y = doubling_high_multiply(y, kHalfSqrt2);
  if (shift < 0) {
    y = wrapping_shift_left(y, -shift);
    shift = 0;
  }
  return {y, -shift};
}

}  // namespace lichen::kernels::reference
