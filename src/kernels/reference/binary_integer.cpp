// SPDX-License-Identifier: Apache-2.0
// Many types times many functions, none of them hot: compiled for size.
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "kernels/reference/binary_rows.hpp"

namespace lichen::kernels::reference {
namespace {

// Integers wrap, by way of the unsigned type of 32 or 64 bits.
template <typename T>
using Wide = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

template <typename T>
T divided(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return static_cast<T>(Wide<T>{0} - static_cast<Wide<T>>(a));  // the smallest has no negative
  }
  return static_cast<T>(a / b);
}

template <typename T>
T remainder_of(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}

template <typename T>
T floor_divided(T a, T b) {
  const bool apart = (a < 0) != (b < 0);
  return static_cast<T>(divided(a, b) - (apart && remainder_of(a, b) != 0 ? 1 : 0));
}

template <typename T>
T floor_remainder(T a, T b) {
  const T m = remainder_of(a, b);
  return m != 0 && (m < 0) != (b < 0) ? static_cast<T>(m + b) : m;
}

template <typename T>
T power(T base, T exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == static_cast<T>(-1)) return static_cast<T>(exponent % 2 == 0 ? 1 : -1);
    return 0;
  }
  Wide<T> result = 1;
  for (Wide<T> square = static_cast<Wide<T>>(base); exponent > 0; exponent = static_cast<T>(exponent / 2)) {
    if (exponent % 2 != 0) result *= square;
    square *= square;
  }
  return static_cast<T>(result);
}

template <typename T>
T shifted_left(T a, T b) {
  const bool out = b < 0 || std::cmp_greater_equal(b, sizeof(T) * 8);
  return out ? T{0} : static_cast<T>(static_cast<Wide<T>>(a) << b);
}

template <typename T>
T shifted_right(T a, T b) {
  const bool out = b < 0 || std::cmp_greater_equal(b, sizeof(T) * 8);
  if (out) return static_cast<T>(a < 0 ? -1 : 0);
  return static_cast<T>(a >> b);
}

template <typename T>
T squared_difference(T a, T b) {
  const Wide<T> d = static_cast<Wide<T>>(a) - static_cast<Wide<T>>(b);
  return static_cast<T>(d * d);
}

template <typename T, auto function>
void whole(const Broadcast& s, const T* a, const T* b, T* out) {
  each_pair_called<T, T>(s, a, b, out, function);
}

template <typename T, auto function>
void wrapping(const Broadcast& s, const T* a, const T* b, T* out) {
  each_pair_called<T, T>(s, a, b, out, [](T x, T y) {
    return static_cast<T>(function(static_cast<Wide<T>>(x), static_cast<Wide<T>>(y)));
  });
}

template <typename T>
constexpr Row<BinaryInteger<T>> kRowsInteger[] = {
    {"Add", wrapping<T, [](Wide<T> a, Wide<T> b) { return a + b; }>},
    {"BitwiseAnd", wrapping<T, [](Wide<T> a, Wide<T> b) { return a & b; }>},
    {"BitwiseOr", wrapping<T, [](Wide<T> a, Wide<T> b) { return a | b; }>},
    {"BitwiseXor", wrapping<T, [](Wide<T> a, Wide<T> b) { return a ^ b; }>},
    {"Div", whole<T, divided<T>>},
    {"FloorDiv", whole<T, floor_divided<T>>},
    {"FloorMod", whole<T, floor_remainder<T>>},
    {"Maximum", whole<T, [](T a, T b) { return std::max(a, b); }>},
    {"Minimum", whole<T, [](T a, T b) { return std::min(a, b); }>},
    {"Mul", wrapping<T, [](Wide<T> a, Wide<T> b) { return a * b; }>},
    {"PRelu", wrapping<T, [](Wide<T> a, Wide<T> b) { return static_cast<T>(a) < 0 ? a * b : a; }>},
    {"Pow", whole<T, power<T>>},
    {"ShiftLeft", whole<T, shifted_left<T>>},
    {"ShiftRight", whole<T, shifted_right<T>>},
    {"SquaredDifference", whole<T, squared_difference<T>>},
    {"Sub", wrapping<T, [](Wide<T> a, Wide<T> b) { return a - b; }>},
    {"TruncMod", whole<T, remainder_of<T>>},
};

using Byte = std::uint8_t;

constexpr Row<Comparison<Byte>> kRowsLogical[] = {
    {"Equal", test<Byte, [](Byte a, Byte b) { return (a != 0) == (b != 0); }>},
    {"LogicalAnd", test<Byte, [](Byte a, Byte b) { return a != 0 && b != 0; }>},
    {"LogicalOr", test<Byte, [](Byte a, Byte b) { return a != 0 || b != 0; }>},
    {"LogicalXor", test<Byte, [](Byte a, Byte b) { return (a != 0) != (b != 0); }>},
    {"NotEqual", test<Byte, [](Byte a, Byte b) { return (a != 0) != (b != 0); }>},
};

template <typename T>
T truncated(double x) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(x);
  } else {
    constexpr auto kMin = static_cast<double>(std::numeric_limits<T>::min());
    constexpr auto kMax = static_cast<double>(std::numeric_limits<T>::max());
    if (std::isnan(x)) return 0;
    if (x >= kMax) return std::numeric_limits<T>::max();  // 2^63 - 1 is 2^63 as a double
    return x <= kMin ? std::numeric_limits<T>::min() : static_cast<T>(x);
  }
}

}  // namespace

template <typename T>
BinaryInteger<T> binary_integer(std::string_view op) {
  return found(kRowsInteger<T>, op);
}

template <typename T>
Comparison<T> comparison(std::string_view op) {
  return found(kRowsComparison<T>, op);
}

Comparison<std::uint8_t> logical(std::string_view op) {
  return found(kRowsLogical, op);
}

template <typename A, typename B>
void pow(const Broadcast& shape, const A* a, const B* b, A* out) {
  each_pair(shape, a, b, out,
            [](A x, B y) { return truncated<A>(std::pow(static_cast<double>(x), static_cast<double>(y))); });
}

#define LICHEN_OF_INTEGER(T)                                     \
  template BinaryInteger<T> binary_integer<T>(std::string_view); \
  template Comparison<T> comparison<T>(std::string_view);
LICHEN_OF_INTEGER(std::int8_t)
LICHEN_OF_INTEGER(std::uint8_t)
LICHEN_OF_INTEGER(std::int16_t)
LICHEN_OF_INTEGER(std::int32_t)
LICHEN_OF_INTEGER(std::int64_t)
#undef LICHEN_OF_INTEGER
template void pow(const Broadcast&, const float*, const std::int32_t*, float*);
template void pow(const Broadcast&, const float*, const std::int64_t*, float*);
template void pow(const Broadcast&, const std::int32_t*, const float*, std::int32_t*);
template void pow(const Broadcast&, const std::int32_t*, const std::int64_t*, std::int32_t*);
template void pow(const Broadcast&, const std::int64_t*, const float*, std::int64_t*);
template void pow(const Broadcast&, const std::int64_t*, const std::int32_t*, std::int64_t*);

}  // namespace lichen::kernels::reference
