// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/binary_fixed.hpp"

#include <bit>
#include <cstdlib>

#include "kernels/reference/pairs.hpp"
#include "kernels/reference/reciprocal.hpp"

namespace lichen::kernels::reference {
namespace {

template <typename T>
constexpr int kShift = sizeof(T) == 1 ? kAddLeftShift : kAddLeftShift16;

struct Scaled {
  std::int32_t a, b;
};

template <int left_shift, typename T>
Scaled scaled(T a, T b, const AddQuantized& q) {
  return {multiply((a - q.zero_point_a) * (1 << left_shift), q.multiplier_a),
          multiply((b - q.zero_point_b) * (1 << left_shift), q.multiplier_b)};
}

// 1 / x of x > 0 as value * 2^-(shift + 31), by the same steps as gemmlowp's fixed-point reciprocal.
struct Reciprocal {
  std::int32_t value = 0;
  int shift = 0;
};

Reciprocal reciprocal_of(std::int32_t x) {
  const int headroom = std::countl_zero(static_cast<std::uint32_t>(x));
  const auto fraction =
      static_cast<std::int32_t>((static_cast<std::uint32_t>(x) << headroom) - (std::uint32_t{1} << 31));
  return {one_over_one_plus(fraction), 31 - headroom};
}

// rounding_divide_by_power_of_two as LiteRT's kernel answers where it is asked for 32 and more, which small dividends
// do: the shift is by the low five bits, and the mask is all ones. (Undefined in C++; the same on x86-64 and arm64.)
std::int32_t divide_by_any_power_of_two(std::int32_t x, int exponent) {
  if (exponent <= 31) return rounding_divide_by_power_of_two(x, std::max(exponent, 0));
  const std::int32_t threshold = -1 + (x < 0 ? 1 : 0);
  return wrapping_add(x >> (exponent & 31), x > threshold ? 1 : 0);
}

std::int32_t divided(std::int32_t a, std::int32_t b, Multiplier m) {
  const Reciprocal inverse = reciprocal_of(std::abs(b));
  // Redundant sign bits: how far |a| may be shifted to the left.
  const int headroom = std::countl_zero(static_cast<std::uint32_t>(a < 0 ? ~a : a)) - 1;
  const std::int32_t quotient =
      doubling_high_multiply(wrapping_shift_left(a, headroom), b > 0 ? inverse.value : -inverse.value);
  return divide_by_any_power_of_two(doubling_high_multiply(quotient, m.value), inverse.shift + headroom - m.shift);
}

}  // namespace

template <typename T>
void add(const Broadcast& shape, const T* a, const T* b, const AddQuantized& q, T* out) {
  each_pair(shape, a, b, out, [&](T x, T y) {
    const Scaled s = scaled<kShift<T>>(x, y, q);
    return requantize<T>(wrapping_add(s.a, s.b), q.multiplier_out, q.zero_point_out, q.clamp.min, q.clamp.max);
  });
}

template <typename T>
void sub(const Broadcast& shape, const T* a, const T* b, const AddQuantized& q, T* out) {
  each_pair(shape, a, b, out, [&](T x, T y) {
    const Scaled s = scaled<kShift<T>>(x, y, q);
    return requantize<T>(wrapping_add(s.a, -s.b), q.multiplier_out, q.zero_point_out, q.clamp.min, q.clamp.max);
  });
}

void add_shifted(const Broadcast& shape, const std::int16_t* a, const std::int16_t* b, const AddShifted& q,
                 std::int16_t* out) {
  each_pair(shape, a, b, out, [&](std::int16_t x, std::int16_t y) {
    const std::int32_t sum =
        rounding_divide_by_power_of_two(x, q.shift_a) + rounding_divide_by_power_of_two(y, q.shift_b);
    return static_cast<std::int16_t>(std::clamp(sum, q.clamp.min, q.clamp.max));
  });
}

void sub_shifted(const Broadcast& shape, const std::int16_t* a, const std::int16_t* b, const AddShifted& q,
                 std::int16_t* out) {
  each_pair(shape, a, b, out, [&](std::int16_t x, std::int16_t y) {
    const std::int32_t difference =
        rounding_divide_by_power_of_two(x, q.shift_a) - rounding_divide_by_power_of_two(y, q.shift_b);
    return static_cast<std::int16_t>(std::clamp(difference, q.clamp.min, q.clamp.max));
  });
}

template <typename T>
void squared_difference(const Broadcast& shape, const T* a, const T* b, const AddQuantized& q, T* out) {
  each_pair(shape, a, b, out, [&](T x, T y) {
    const Scaled s = scaled<kSquaredDifferenceLeftShift>(x, y, q);
    const std::int32_t d = s.a - s.b;  // below 2^16
    const auto square = static_cast<std::int32_t>(static_cast<std::uint32_t>(d) * static_cast<std::uint32_t>(d));
    return requantize<T>(square, q.multiplier_out, q.zero_point_out, q.clamp.min, q.clamp.max);
  });
}

template <typename T>
void mul(const Broadcast& shape, const T* a, const T* b, const MulQuantized& q, T* out) {
  each_pair(shape, a, b, out, [&](T x, T y) {
    return requantize<T>((x - q.zero_point_a) * (y - q.zero_point_b), q.multiplier, q.zero_point_out, q.clamp.min,
                         q.clamp.max);
  });
}

template <typename T>
void div(const Broadcast& shape, const T* a, const T* b, const MulQuantized& q, T* out) {
  each_pair(shape, a, b, out, [&](T x, T y) {
    const std::int32_t dividend = x - q.zero_point_a;
    const std::int32_t divisor = y - q.zero_point_b;
    if (divisor == 0) {
      if (dividend == 0) return static_cast<T>(std::clamp(q.zero_point_out, q.clamp.min, q.clamp.max));
      return static_cast<T>(dividend > 0 ? q.clamp.max : q.clamp.min);
    }
    const std::int32_t moved = wrapping_add(divided(dividend, divisor, q.multiplier), q.zero_point_out);
    return static_cast<T>(std::clamp(moved, q.clamp.min, q.clamp.max));
  });
}

template <typename T>
void prelu(const Broadcast& shape, const T* a, const T* b, const MulQuantized& q, T* out) {
  each_pair(shape, a, b, out, [&](T x, T slope) {
    const std::int32_t value = x - q.zero_point_a;
    const std::int32_t scaled_value =
        value >= 0 ? multiply(value, q.identity) : multiply(value * (slope - q.zero_point_b), q.multiplier);
    return static_cast<T>(std::clamp(wrapping_add(scaled_value, q.zero_point_out), q.clamp.min, q.clamp.max));
  });
}

template <typename T>
void compare(const Broadcast& shape, const T* a, const T* b, Comparison<std::int32_t> function, const AddQuantized& q,
             bool* out) {
  const Broadcast one = plain_broadcast(1);
  each_pair(shape, a, b, out, [&](T x, T y) {
    const Scaled s = scaled<kComparisonLeftShift>(x, y, q);
    bool result = false;
    function(one, &s.a, &s.b, &result);
    return result;
  });
}

#define LICHEN_OF_STORED(T)                                                                        \
  template void add(const Broadcast&, const T*, const T*, const AddQuantized&, T*);                \
  template void sub(const Broadcast&, const T*, const T*, const AddQuantized&, T*);                \
  template void squared_difference(const Broadcast&, const T*, const T*, const AddQuantized&, T*); \
  template void mul(const Broadcast&, const T*, const T*, const MulQuantized&, T*);                \
  template void div(const Broadcast&, const T*, const T*, const MulQuantized&, T*);                \
  template void prelu(const Broadcast&, const T*, const T*, const MulQuantized&, T*);              \
  template void compare(const Broadcast&, const T*, const T*, Comparison<std::int32_t>, const AddQuantized&, bool*);
LICHEN_OF_STORED(std::int8_t)
LICHEN_OF_STORED(std::uint8_t)
#undef LICHEN_OF_STORED

using Words = std::int16_t;
template void add(const Broadcast&, const Words*, const Words*, const AddQuantized&, Words*);
template void sub(const Broadcast&, const Words*, const Words*, const AddQuantized&, Words*);
template void mul(const Broadcast&, const Words*, const Words*, const MulQuantized&, Words*);
template void compare(const Broadcast&, const Words*, const Words*, Comparison<std::int32_t>, const AddQuantized&,
                      bool*);

}  // namespace lichen::kernels::reference
