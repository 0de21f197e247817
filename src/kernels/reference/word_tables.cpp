// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/word_tables.hpp"

#include <cmath>
#include <cstdlib>

namespace lichen::kernels::reference {
namespace {

constexpr std::size_t kSigmoids = 256;

// sigmoid(i / 24) * 2^16: to the nearest, and one more where LiteRT's table has one more.
std::array<std::int32_t, kSigmoids> make_sigmoids() {
  constexpr std::array<std::uint64_t, 4> kOneMore = {0xC0467BAEFA7BD110ULL, 0x0011009020440005ULL, 0x0000000000000080ULL, 0x8000000000000000ULL};
  std::array<std::int32_t, kSigmoids> table{};
  for (std::size_t i = 0; i < kSigmoids; ++i) {
    const double nearest = std::floor(65536.0 / (1.0 + std::exp(-static_cast<double>(i) / 24.0)) + 0.5);
    table[i] = static_cast<std::int32_t>(nearest) + static_cast<std::int32_t>((kOneMore[i / 64] >> (i % 64)) & 1U);
  }
  return table;
}

const std::array<std::int32_t, kSigmoids>& sigmoids() {
  static const auto kTable = make_sigmoids();
  return kTable;
}

std::int32_t scaled(std::int16_t x, const SigmoidWords& q) {
  const std::int64_t half = q.shift > 0 ? std::int64_t{1} << (q.shift - 1) : 0;
  return static_cast<std::int32_t>(static_cast<std::int32_t>(std::int64_t{x} * q.multiplier + half) >> q.shift);
}

// The table between its entries, `bits` of x apart, with as many bits more than it; `most` beyond its last but one.
std::int32_t sigmoid_between(std::int32_t x, int bits, std::int32_t most) {
  const auto magnitude = static_cast<std::uint32_t>(std::abs(std::int64_t{x}));
  const std::uint32_t at = magnitude >> bits;
  if (at >= kSigmoids - 1) return most;
  const std::int32_t low = sigmoids()[at];
  const std::int32_t high = sigmoids()[at + 1];
  const auto part = static_cast<std::int32_t>(magnitude & ((1U << bits) - 1));
  return (low << bits) + part * (high - low);
}

}  // namespace

template <typename Real>
WordTable word_table(WordScale<Real> in, WordScale<Real> out, Real (*function)(Real, const void*),
                     const void* context) {
  constexpr std::int32_t kMin = std::numeric_limits<std::int16_t>::min();
  constexpr std::int32_t kMax = std::numeric_limits<std::int16_t>::max();
  constexpr int kSteps = 512;
  const auto end_of = [](WordScale<Real> q, std::int32_t stored) {
    return q.scale * static_cast<Real>(stored - q.zero_point);
  };
  const Real first = end_of(in, kMin);
  const Real last = end_of(in, kMax);
  const Real step = (last - first) / kSteps;
  const Real half = step / 2;
  const Real inverse = static_cast<Real>(kMax - kMin + 1) / (end_of(out, kMax) - end_of(out, kMin));
  const auto stored = [](Real x) {
    if (std::isnan(x)) return std::int16_t{0};
    return static_cast<std::int16_t>(std::min(std::max(x, static_cast<Real>(kMin)), static_cast<Real>(kMax)));
  };
  WordTable table{};
  for (int i = 0; i < kSteps; ++i) {
    const auto at = static_cast<Real>(i);
    const Real value = std::round(function(first + at * step, context) * inverse);
    const Real middle = std::round(function(first + at * step + half, context) * inverse);
    const Real next = function(first + static_cast<Real>(i + 1) * step, context) * inverse;
    const Real line_middle = std::round((next + value) / 2);
    table[static_cast<std::size_t>(i)] = stored(value - std::round((line_middle - middle) / 2));
  }
  table[kSteps] = stored(std::round(function(last, context) * inverse));
  return table;
}

template WordTable word_table(WordScale<float>, WordScale<float>, float (*)(float, const void*), const void*);
template WordTable word_table(WordScale<double>, WordScale<double>, double (*)(double, const void*), const void*);

std::optional<int> power_of_two(float scale) {
  constexpr float kNear = 1e-3F;
  const float power = std::log(scale) * (1.0F / std::log(2.0F));
  const float whole = std::round(power);
  return std::abs(power - whole) < kNear ? std::optional(static_cast<int>(whole)) : std::nullopt;
}

SigmoidWords sigmoid_words(float in_scale, int pot_shift_max) {
  constexpr int kFractionalBits = 12;
  if (const auto power = power_of_two(in_scale)) {
    const int left = kFractionalBits + *power;
    if (left >= 0 && left <= pot_shift_max) return {3 << left, 0};
  }
  constexpr double kEnough = 32767.0 / 2.0;
  constexpr int kShiftMax = 30;
  double multiplier = double{in_scale} * 4096.0 * 3.0;
  int shift = 0;
  for (; multiplier <= kEnough && shift <= kShiftMax; ++shift) multiplier *= 2.0;
  constexpr double kMost = std::numeric_limits<std::int32_t>::max();
  return {static_cast<std::int32_t>(std::min(multiplier, kMost)), shift};
}

std::int16_t logistic_word(std::int16_t x, const SigmoidWords& q) {
  const std::int32_t at = scaled(x, q);
  const std::int32_t value = sigmoid_between(at, 9, 0x7FFF << 10);
  const std::int32_t moved = at >= 0 ? value + (1 << 9) : (1 << 25) - value + (1 << 9) - 1;
  return static_cast<std::int16_t>(moved >> 10);
}

std::int16_t tanh_word(std::int16_t x, const SigmoidWords& q) {
  const std::int32_t at = scaled(x, q);
  const std::int32_t value = sigmoid_between(at, 8, 0xFFFF << 8);
  const std::int32_t moved = at >= 0 ? value - (1 << 23) + (1 << 7) : -value + (1 << 23) + (1 << 7) - 1;
  return static_cast<std::int16_t>(moved >> 8);
}

}  // namespace lichen::kernels::reference
