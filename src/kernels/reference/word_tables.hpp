// SPDX-License-Identifier: Apache-2.0
// Functions of one 16-bit element by interpolated tables, as LiteRT's reference kernels have them.
#pragma once

#include <array>
#include <optional>

#include "kernels/reference/affine.hpp"

namespace lichen::kernels::reference {

// 512 steps of 128 stored values each, straight lines between their ends.
using WordTable = std::array<std::int16_t, 513>;

// The value at x, rounded halves upward.
[[nodiscard]] inline std::int32_t interpolated(const WordTable& table, std::int32_t x) {
  const auto at = static_cast<std::size_t>(256 + (x >> 7));
  const auto slope = static_cast<std::int16_t>(table[at + 1] - table[at]);
  return static_cast<std::int16_t>(table[at] + ((slope * (x & 0x7F) + 64) >> 7));
}

// Of stored integers in steps of `scale` around a zero point to others; ends of lines are moved so that their middles
// are half as far off. Real is float, or double where LiteRT takes that.
template <typename Real>
struct WordScale {
  Real scale = 1;
  std::int32_t zero_point = 0;
};
template <typename Real>
[[nodiscard]] WordTable word_table(WordScale<Real> in, WordScale<Real> out, Real (*function)(Real, const void*),
                                   const void* context);

// sigmoid(x) and tanh(x) of 16 bits around 0, to 2^-15 each: by one table of the sigmoid of steps of 1 / 24.
struct SigmoidWords {
  std::int32_t multiplier = 3;  // of the input, then shifted right, rounding halves upward
  int shift = 0;
};
// pot_shift_max: largest shift to the left of inputs of 2^-12 that takes no multiplier (0 of Logistic, 1 of Tanh).
[[nodiscard]] SigmoidWords sigmoid_words(float in_scale, int pot_shift_max);
[[nodiscard]] std::int16_t logistic_word(std::int16_t x, const SigmoidWords& q);
[[nodiscard]] std::int16_t tanh_word(std::int16_t x, const SigmoidWords& q);

// What LiteRT takes for a power of two, in float: nothing where it is none.
[[nodiscard]] std::optional<int> power_of_two(float scale);

}  // namespace lichen::kernels::reference
