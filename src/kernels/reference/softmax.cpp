// SPDX-License-Identifier: Apache-2.0
// Fixed-point numbers below are int32 with the number of integer bits in their comments; "q5.26" has 5 of them.
// The formulas and constants are gemmlowp's (fixedpoint/fixedpoint.h).
#include "kernels/reference/softmax.hpp"

#include <array>
#include <bit>
#include <cmath>

#include "kernels/reference/reciprocal.hpp"

namespace lichen::kernels::reference {
namespace {

constexpr int kInputIntegerBits = 5;
constexpr int kSumIntegerBits = 12;
constexpr std::int32_t kOne = std::numeric_limits<std::int32_t>::max();  // 1.0 as q0.31, as near as it gets

// exp(a) of a in [-1/4, 0), q0.31 -> q0.31: the Taylor series around -1/8.
std::int32_t exp_of_quarter(std::int32_t a) {
  constexpr std::int32_t kExpOfMinusEighth = 1895147668;
  constexpr std::int32_t kThird = 715827883;
  const std::int32_t x = a + (1 << 28);
  const std::int32_t x2 = doubling_high_multiply(x, x);
  const std::int32_t x3 = doubling_high_multiply(x2, x);
  const std::int32_t x4 = doubling_high_multiply(x2, x2);
  const std::int32_t x4_over_4 = rounding_divide_by_power_of_two(x4, 2);
  const std::int32_t tail =
      rounding_divide_by_power_of_two(wrapping_add(doubling_high_multiply(wrapping_add(x4_over_4, x3), kThird), x2), 1);
  return wrapping_add(kExpOfMinusEighth, doubling_high_multiply(kExpOfMinusEighth, wrapping_add(x, tail)));
}

// exp(a) of a <= 0, q5.26 -> q0.31: the part below 1/4 by the series, the rest bit by bit.
std::int32_t exp_of_negative(std::int32_t a) {
  constexpr int kFractionalBits = 26;
  constexpr std::int32_t kQuarter = 1 << (kFractionalBits - 2);
  // exp(-2^e) for e = -2 ... 4, q0.31.
  constexpr std::array<std::int32_t, 7> kFactors = {1672461947, 1302514674, 790015084, 290630308,
                                                    39332535,   720401,     242};
  if (a == 0) return kOne;
  const std::int32_t part = (a & (kQuarter - 1)) - kQuarter;
  std::int32_t result = exp_of_quarter(saturating_shift_left(part, kInputIntegerBits));
  const std::int32_t rest = static_cast<std::int32_t>(static_cast<std::uint32_t>(part) - static_cast<std::uint32_t>(a));
  for (std::size_t e = 0; e < kFactors.size(); ++e) {
    if ((rest & (1 << (kFractionalBits - 2 + static_cast<int>(e)))) != 0)
      result = doubling_high_multiply(result, kFactors[e]);
  }
  return result;
}

struct Reciprocal {
  std::int32_t scale = 0;  // q0.31
  int bits_over_unit = 0;  // 1 / sum = scale * 2^-bits_over_unit
};

Reciprocal reciprocal_of(std::int32_t sum) {
  const int headroom = std::countl_zero(static_cast<std::uint32_t>(sum));
  const auto fraction =
      static_cast<std::int32_t>((static_cast<std::uint32_t>(sum) << headroom) - (std::uint32_t{1} << 31));
  return {one_over_one_plus(fraction), kSumIntegerBits - headroom};
}

// The exponential of an input difference, which is not above 0; q0.31.
std::int32_t exp_at(std::int32_t difference, const SoftmaxQuantized& q) {
  if (difference < q.difference_min) return 0;
  return exp_of_negative(
      doubling_high_multiply(wrapping_shift_left(difference, q.multiplier.shift), q.multiplier.value));
}

// exp_of(how far an element is below the largest one).
template <typename In, typename Out, typename Exp>
void softmax_row(Index depth, const In* in, const Exp& exp_of, Out* out) {
  const std::int32_t largest = *std::max_element(in, in + depth);
  std::int64_t sum = 0;  // q12.19; rows of 4096 and more equal elements do not fit, and saturate
  for (Index i = 0; i < depth; ++i)
    sum += rounding_divide_by_power_of_two(exp_of(largest - in[i]), kSumIntegerBits);
  const Reciprocal reciprocal = reciprocal_of(static_cast<std::int32_t>(std::min<std::int64_t>(sum, kOne)));
  constexpr std::int32_t kMin = std::numeric_limits<Out>::min();
  constexpr std::int32_t kMax = std::numeric_limits<Out>::max();
  constexpr int kBits = 8 * static_cast<int>(sizeof(Out));
  const int shift = std::min(reciprocal.bits_over_unit + 31 - kBits, 31);
  for (Index i = 0; i < depth; ++i) {
    const std::int32_t scaled = doubling_high_multiply(reciprocal.scale, exp_of(largest - in[i]));
    const std::int32_t value = kMin + rounding_divide_by_power_of_two(scaled, shift);
    out[i] = static_cast<Out>(std::clamp(value, kMin, kMax));
  }
}

// exp_at: steps of 2^-15, of each element; their sum's reciprocal by a table of 1 / (1 + x), then each again.
void softmax_row(Index depth, const std::int16_t* in, const SoftmaxWords& q, std::int16_t* out) {
  constexpr std::int32_t kMin = std::numeric_limits<std::int16_t>::min();
  constexpr std::int32_t kMax = std::numeric_limits<std::int16_t>::max();
  const std::int32_t largest = *std::max_element(in, in + depth);
  const auto exp_at = [&](Index i) {
    const std::int32_t scaled = wrapping_add(multiply(in[i] - largest, q.multiplier), kMax);
    return interpolated(q.exponential, std::clamp(scaled, kMin, kMax));
  };
  std::int32_t sum = 0;
  for (Index i = 0; i < depth; ++i) sum = wrapping_add(sum, exp_at(i));
  const int headroom = std::min(std::countl_zero(static_cast<std::uint32_t>(std::max(sum, 1))), 30);
  const auto shifted = static_cast<std::int32_t>(((std::int64_t{sum} << (headroom - 1)) + (1 << 13)) >> 14);
  const std::int32_t centred = shifted - ((1 << 15) + (1 << 16));
  const std::int32_t inverse = interpolated(q.reciprocal, std::clamp(centred, kMin, kMax));
  const int right = 31 - headroom;
  for (Index i = 0; i < depth; ++i) {
    const std::int64_t value = (std::int64_t{exp_at(i)} * inverse + (std::int64_t{1} << (right - 1))) >> right;
    out[i] = static_cast<std::int16_t>(std::clamp<std::int64_t>(value, 0, kMax));
  }
}

}  // namespace

void softmax(Index rows, Index depth, const float* in, float beta, float* out) {
  for (Index row = 0; row < rows; ++row, in += depth, out += depth) {
    const float largest = *std::max_element(in, in + depth);
    float sum = 0.0F;
    for (Index i = 0; i < depth; ++i) {
      out[i] = std::exp((in[i] - largest) * beta);
      sum += out[i];
    }
    for (Index i = 0; i < depth; ++i) out[i] /= sum;
  }
}

void log_softmax(Index rows, Index depth, const float* in, float beta, float* out) {
  for (Index row = 0; row < rows; ++row, in += depth, out += depth) {
    const float largest = *std::max_element(in, in + depth);
    float sum = 0.0F;
    for (Index i = 0; i < depth; ++i) sum += std::exp((in[i] - largest) * beta);
    const float logarithm = std::log(sum);
    for (Index i = 0; i < depth; ++i) out[i] = (in[i] - largest) * beta - logarithm;
  }
}

void softmax_strided(Index outer, Index depth, Index step, const float* in, float beta,
                     void (*what)(Index, Index, const float*, float, float*), float* line, float* out) {
  for (Index o = 0; o < outer; ++o) {
    for (Index i = 0; i < step; ++i) {
      const Index first = o * depth * step + i;
      for (Index k = 0; k < depth; ++k) line[k] = in[first + k * step];
      what(1, depth, line, beta, line + depth);
      for (Index k = 0; k < depth; ++k) out[first + k * step] = line[depth + k];
    }
  }
}

Result<SoftmaxQuantized> softmax_quantized(float beta, float in_scale) {
  const double real =
      std::min(double{beta} * double{in_scale} * (1 << (31 - kInputIntegerBits)), static_cast<double>(kOne));
  if (real < 1.0) return fail(Code::kUnsupported, "bad scales", {}, "softmax of an input with a scale below 2^-26");
  int shift = 0;
  auto value =
      static_cast<std::int64_t>(std::round(std::frexp(real, &shift) * static_cast<double>(std::int64_t{1} << 31)));
  if (value == std::int64_t{1} << 31) {
    value /= 2;
    ++shift;
  }
  const double radius =
      std::floor(((1 << kInputIntegerBits) - 1) * static_cast<double>(std::int64_t{1} << (31 - kInputIntegerBits)) /
                 static_cast<double>(std::int64_t{1} << shift));
  return SoftmaxQuantized{{static_cast<std::int32_t>(value), shift}, -static_cast<std::int32_t>(radius)};
}

template <typename In, typename Out>
void softmax(Index rows, Index depth, const In* in, const SoftmaxQuantized& q, Out* out) {
  const auto each_row = [&](const auto& exp_of) {
    for (Index row = 0; row < rows; ++row) softmax_row(depth, in + row * depth, exp_of, out + row * depth);
  };
  // Bytes differ in 256 ways: many elements are quicker by a table of them all.
  constexpr Index kDifferences = 256;
  if (rows * depth < 4 * kDifferences) return each_row([&](std::int32_t below) { return exp_at(-below, q); });
  std::array<std::int32_t, kDifferences> table;
  for (std::size_t below = 0; below < table.size(); ++below)
    table[below] = exp_at(-static_cast<std::int32_t>(below), q);
  each_row([&](std::int32_t below) { return table[static_cast<std::size_t>(below)]; });
}

Result<SoftmaxWords> softmax_words(float beta, float in_scale) {
  constexpr std::int32_t kLargest = std::numeric_limits<std::int16_t>::max();
  constexpr std::int32_t kSmallest = std::numeric_limits<std::int16_t>::min();
  constexpr double kSpan = 65535.0;
  SoftmaxWords q;
  q.multiplier = LICHEN_TRY(quantize_multiplier(double{in_scale * beta} / (10.0 / kSpan)));
  q.exponential = word_table<double>({10.0 / kSpan, kLargest}, {2.0 / kSpan, 0},
                                     [](double x, const void*) { return std::exp(x); }, nullptr);
  q.reciprocal = word_table<double>({1.0 / kSpan, kSmallest}, {2.0 / kSpan, 0},
                                    [](double x, const void*) { return 1.0 / (1.0 + x); }, nullptr);
  return q;
}

void softmax(Index rows, Index depth, const std::int16_t* in, const SoftmaxWords& q, std::int16_t* out) {
  for (Index row = 0; row < rows; ++row) softmax_row(depth, in + row * depth, q, out + row * depth);
}

template void softmax(Index, Index, const std::int8_t*, const SoftmaxQuantized&, std::int8_t*);
template void softmax(Index, Index, const std::uint8_t*, const SoftmaxQuantized&, std::uint8_t*);
template void softmax(Index, Index, const std::int8_t*, const SoftmaxQuantized&, std::int16_t*);
template void softmax(Index, Index, const std::uint8_t*, const SoftmaxQuantized&, std::int16_t*);

namespace {

// log(x) of x >= 1, q12.19 -> q5.26: x is a power of 2 times r, which lies around the fourth root of 1/2; of r the
// logarithm is a quotient of polynomials. Two choices of r are made, and the smaller is taken.
std::int32_t log_of(std::int32_t x) {
  constexpr int kSumBits = 6;  // before the point of the sum below: one more than the answer has
  constexpr std::int32_t kLog2 = 1488522236, kSqrtSqrtHalf = 1805811301, kSqrtHalf = 1518500250;
  constexpr std::int32_t kAlphaN = 117049297, kAlphaD = 127690142, kAlphaI = 1057819769, kAlphaF = 638450708;
  constexpr std::int32_t kQuarter = 1 << (31 - kSumBits - 2);
  const auto power = [](int exponent) { return saturating_shift_left(exponent, 31 - kSumBits); };
  const auto leading = [](std::int32_t v) { return std::countl_zero(static_cast<std::uint32_t>(v)); };
  const int room_a = leading(x);
  const std::int32_t r_a =
      saturating_shift_left(doubling_high_multiply(saturating_shift_left(x, room_a - 1), kSqrtHalf), 1);
  const int room_b = leading(doubling_high_multiply(x, kSqrtHalf)) - 1;
  const std::int32_t r = std::min(r_a, saturating_shift_left(x, room_b));
  const std::int32_t exponent =
      std::max(power(kSumIntegerBits - room_a) + kQuarter, power(kSumIntegerBits - room_b) - kQuarter);
  const auto p = static_cast<std::int32_t>((std::int64_t{r} + kSqrtSqrtHalf + 1) / 2);
  const std::int32_t half_q = r - kSqrtSqrtHalf;
  const std::int32_t q = wrapping_add(half_q, half_q);
  const std::int32_t q2 = doubling_high_multiply(q, q);
  const std::int32_t numerator =
      wrapping_add(doubling_high_multiply(q, r), doubling_high_multiply(doubling_high_multiply(q, q2), kAlphaN));
  const std::int32_t inner = wrapping_add(wrapping_add(kAlphaI, q), doubling_high_multiply(kAlphaD, q2));
  const std::int32_t denominator = wrapping_add(doubling_high_multiply(p, inner), doubling_high_multiply(kAlphaF, q));
  const std::int32_t quotient =
      doubling_high_multiply(rounding_divide_by_power_of_two(numerator, kSumBits), one_over_one_plus(denominator));
  return saturating_shift_left(wrapping_add(doubling_high_multiply(exponent, kLog2), quotient), 1);
}

template <typename T>
void log_softmax_row(Index depth, const T* in, const LogSoftmaxQuantized& q, T* out) {
  constexpr int kOutputIntegerBits = 4;
  constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t kMin = std::numeric_limits<T>::min();
  constexpr std::int32_t kMax = std::numeric_limits<T>::max();
  const std::int32_t largest = *std::max_element(in, in + depth);
  const auto scaled = [&](std::int32_t difference) { return multiply(difference, q.in.multiplier); };
  std::int64_t sum = 0;  // q12.19; saturates as softmax's
  for (Index i = 0; i < depth; ++i) {
    const std::int32_t difference = in[i] - largest;
    if (difference >= q.in.difference_min)
      sum += rounding_divide_by_power_of_two(exp_of_negative(scaled(difference)), kSumIntegerBits);
  }
  const std::int32_t logarithm = log_of(static_cast<std::int32_t>(std::min<std::int64_t>(sum, kOne)));
  const std::int32_t difference_min =
      std::max(q.in.difference_min - 1, multiply(wrapping_add(logarithm, kLowest), q.reverse));
  for (Index i = 0; i < depth; ++i) {
    const std::int32_t difference = in[i] - largest;
    std::int32_t value = kMin;
    if (difference > difference_min) {
      value = kMax + rounding_divide_by_power_of_two(wrapping_add(scaled(difference), -logarithm),
                                                     31 - kInputIntegerBits - kOutputIntegerBits);
    }
    out[i] = static_cast<T>(std::clamp(value, kMin, kMax));
  }
}

}  // namespace

Result<LogSoftmaxQuantized> log_softmax_quantized(float in_scale) {
  const SoftmaxQuantized in = LICHEN_TRY(softmax_quantized(1.0F, in_scale));
  const double reverse = std::ldexp(1.0, 31 - in.multiplier.shift) / in.multiplier.value;
  return LogSoftmaxQuantized{in, LICHEN_TRY(quantize_multiplier(reverse))};
}

template <typename T>
void log_softmax(Index rows, Index depth, const T* in, const LogSoftmaxQuantized& q, T* out) {
  for (Index row = 0; row < rows; ++row) log_softmax_row(depth, in + row * depth, q, out + row * depth);
}

template void log_softmax(Index, Index, const std::int8_t*, const LogSoftmaxQuantized&, std::int8_t*);
template void log_softmax(Index, Index, const std::uint8_t*, const LogSoftmaxQuantized&, std::uint8_t*);

}  // namespace lichen::kernels::reference
