// SPDX-License-Identifier: Apache-2.0
// The integer arithmetic of quantized kernels: gemmlowp's fixed-point multiply, as LiteRT's reference kernels use it
// (two roundings: once after the multiplication, once after the shift); fully connected layers there round once. Which
// op does what was found by experiment with the wheel that tests/engine/golden/make.py names.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/error.hpp"

namespace lichen::kernels {

// A positive real number as value * 2^(shift - 31), value in [2^30, 2^31).
struct Multiplier {
  std::int32_t value = 0;
  std::int32_t shift = 0;
};

// Refuses what is not finite, negative, or 2^29 and above (no shift of 32 bits could hold the result).
[[nodiscard]] Result<Multiplier> quantize_multiplier(double real);

// a + b modulo 2^32: accumulators wrap, as the vector units' do, instead of being undefined.
[[nodiscard]] inline std::int32_t wrapping_add(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
[[nodiscard]] inline std::int32_t wrapping_shift_left(std::int32_t a, int bits) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) << bits);
}

// The high half of 2 * a * b, rounded to nearest (ties upward); only min * min does not fit, and saturates.
[[nodiscard]] inline std::int32_t doubling_high_multiply(std::int32_t a, std::int32_t b) {
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
  if (a == kMin && b == kMin) return std::numeric_limits<std::int32_t>::max();
  // Truncating (product + nudge) / 2^31 with a nudge of 2^30, or 1 - 2^30 below 0, is this arithmetic shift.
  return static_cast<std::int32_t>((std::int64_t{a} * b + (std::int64_t{1} << 30)) >> 31);
}

// x / 2^exponent, rounded to nearest, ties away from zero; exponent 0 to 31.
[[nodiscard]] inline std::int32_t rounding_divide_by_power_of_two(std::int32_t x, int exponent) {
  const auto mask = static_cast<std::int32_t>((std::int64_t{1} << exponent) - 1);
  const std::int32_t remainder = x & mask;
  const std::int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

[[nodiscard]] inline std::int32_t multiply(std::int32_t x, Multiplier m) {
  const int left = m.shift > 0 ? m.shift : 0;
  const int right = m.shift > 0 ? 0 : -m.shift;
  return rounding_divide_by_power_of_two(doubling_high_multiply(wrapping_shift_left(x, left), m.value), right);
}

// round(x * m), ties upward, in one step of 64 bits.
[[nodiscard]] inline std::int32_t multiply_rounding_once(std::int32_t x, Multiplier m) {
  const int shift = 31 - m.shift;  // 1 to 62
  return static_cast<std::int32_t>((std::int64_t{x} * m.value + (std::int64_t{1} << (shift - 1))) >> shift);
}

// An accumulator to a stored integer: scaled, moved to the zero point, clamped to [min, max].
template <typename T>
[[nodiscard]] T requantize(std::int32_t acc, Multiplier m, std::int32_t zero_point, std::int32_t min,
                           std::int32_t max) {
  return static_cast<T>(std::clamp(wrapping_add(multiply(acc, m), zero_point), min, max));
}

template <typename T>
[[nodiscard]] T requantize_rounding_once(std::int32_t acc, Multiplier m, std::int32_t zero_point, std::int32_t min,
                                         std::int32_t max) {
  return static_cast<T>(std::clamp(wrapping_add(multiply_rounding_once(acc, m), zero_point), min, max));
}

// The same as ONNX defines it: times a float, halves to even. std::nearbyint in the default rounding mode.
template <typename T>
[[nodiscard]] T requantize_nearest_even(std::int32_t acc, float scale, std::int32_t zero_point, std::int32_t min,
                                        std::int32_t max) {
  const auto low = static_cast<float>(min - zero_point);
  const auto high = static_cast<float>(max - zero_point);
  const float clamped = std::min(std::max(static_cast<float>(acc) * scale, low), high);
  return static_cast<T>(static_cast<std::int32_t>(std::nearbyint(clamped)) + zero_point);
}

}  // namespace lichen::kernels
