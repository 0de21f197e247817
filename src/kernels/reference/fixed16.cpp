// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/fixed16.hpp"

#include <array>

#include "kernels/fixed_point.hpp"

namespace lichen::kernels::reference {
namespace {

constexpr std::int32_t kMin = std::numeric_limits<std::int16_t>::min();
constexpr std::int32_t kMax = std::numeric_limits<std::int16_t>::max();  // 1.0 as q0.15, as near as it gets

// Sums are not saturated: they wrap, as 16-bit arithmetic does.
std::int16_t wrapped(std::int32_t x) {
  return static_cast<std::int16_t>(x);
}
std::int16_t saturated(std::int32_t x) {
  return static_cast<std::int16_t>(std::clamp(x, kMin, kMax));
}
std::int16_t shifted_left(std::int32_t x, int bits) {
  return saturated(x * (1 << bits));
}
// The high half of 2 * a * b, rounded to nearest (ties upward); min * min saturates.
std::int16_t product(std::int16_t a, std::int16_t b) {
  return saturated((std::int32_t{a} * b + (1 << 14)) >> 15);
}
// A constant of 32 bits.
std::int16_t upper_half(std::int32_t x) {
  return static_cast<std::int16_t>(rounding_divide_by_power_of_two(x, 16));
}

// exp(a) of a in [-1/4, 0), q0.15 -> q0.15: the Taylor series around -1/8.
std::int16_t exp_of_quarter(std::int16_t a) {
  const std::int16_t middle = upper_half(1895147668);  // exp(-1/8)
  const std::int16_t third = upper_half(715827883);
  const std::int16_t x = wrapped(a + (1 << 12));
  const std::int16_t x2 = product(x, x);
  const std::int16_t x3 = product(x2, x);
  const std::int16_t x4 = product(x2, x2);
  const std::int32_t x4_over_4 = rounding_divide_by_power_of_two(x4, 2);
  const std::int16_t inner = product(wrapped(x4_over_4 + x3), third);
  const std::int32_t tail = rounding_divide_by_power_of_two(wrapped(inner + x2), 1);
  return saturated(middle + product(middle, wrapped(x + tail)));
}

// exp(a) of a <= 0 -> q0.15: the part below 1/4 by the series, the rest bit by bit.
std::int16_t exp_of_negative(std::int16_t a, int integer_bits) {
  // exp(-2^e) for e = -2 ... 4, q0.31.
  constexpr std::array<std::int32_t, 7> kFactors = {1672461947, 1302514674, 790015084, 290630308,
                                                    39332535,   720401,     242};
  constexpr int kFirstExponent = -2;
  if (a == 0) return static_cast<std::int16_t>(kMax);
  if (integer_bits > 5 && a < upper_half(-(1 << (36 - integer_bits)))) return 0;  // below -32
  const int fractional_bits = 15 - integer_bits;
  const std::int32_t quarter = 1 << (fractional_bits + kFirstExponent);
  const std::int32_t part = (a & (quarter - 1)) - quarter;
  std::int16_t result = exp_of_quarter(shifted_left(part, integer_bits));
  const std::int32_t rest = part - a;
  for (int i = 0; i < static_cast<int>(kFactors.size()) && kFirstExponent + i < integer_bits; ++i) {
    if ((rest & (1 << (fractional_bits + kFirstExponent + i))) != 0)
      result = product(result, upper_half(kFactors[static_cast<std::size_t>(i)]));
  }
  return result;
}

// 2 / (1 + a) of a in [0, 1), q0.15 -> q2.13: Newton-Raphson from 48/17 - 32/17 d.
std::int16_t two_over_one_plus(std::int16_t a) {
  const auto half_denominator = static_cast<std::int16_t>((a + kMax + 1) / 2);
  std::int16_t x = wrapped(upper_half(1515870810) + product(half_denominator, upper_half(-1010580540)));
  for (int i = 0; i < 3; ++i) {
    const std::int16_t error = wrapped((1 << 13) - product(half_denominator, x));
    x = wrapped(x + shifted_left(product(x, error), 2));
  }
  return x;
}

}  // namespace

std::int16_t logistic16(std::int16_t x) {
  constexpr int kIntegerBits = 3;
  if (x == 0) return 1 << 14;
  const std::int16_t of_positive =
      shifted_left(two_over_one_plus(exp_of_negative(x > 0 ? wrapped(-x) : x, kIntegerBits)), 1);
  return x > 0 ? of_positive : wrapped(kMax - of_positive);
}

std::int16_t tanh16(std::int16_t x, int integer_bits) {
  if (x == 0) return 0;
  // (1 - e) / (1 + e) = 2 / (1 + e) - 1, where e = exp(-2 |x|): the same number with a bit more before the point.
  const std::int16_t e = exp_of_negative(x < 0 ? x : wrapped(-x), integer_bits + 1);
  const std::int16_t of_positive = shifted_left(wrapped(two_over_one_plus(e) - (1 << 13)), 2);
  return x < 0 ? wrapped(-of_positive) : of_positive;
}

}  // namespace lichen::kernels::reference
