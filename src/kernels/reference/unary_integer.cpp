// SPDX-License-Identifier: Apache-2.0
// Many types times many functions, none of them hot: compiled for size.
#include "kernels/reference/unary_rows.hpp"

namespace lichen::kernels::reference {
namespace {

// Integers wrap, by way of the unsigned type of 32 or 64 bits.
template <typename T>
using Wrapping = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

template <typename T>
T negated(T x) {
  return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(x));
}

template <typename T>
struct RowInteger {
  std::string_view op;
  UnaryInteger<T> function;
};

template <typename T>
constexpr RowInteger<T> kRowsInteger[] = {
    {"Abs", each<T, [](T x, P) { return x < 0 ? negated(x) : x; }>},
    {"BitwiseNot", each<T, [](T x, P) { return static_cast<T>(~x); }>},
    {"Neg", each<T, [](T x, P) { return negated(x); }>},
    {"Relu", each<T, [](T x, P) { return std::max(x, T{0}); }>},
    {"Shrink", each<T, [](T x, P p) { return static_cast<T>(shrink(static_cast<float>(x), p)); }>},
    {"Sign", each<T, [](T x, P) { return static_cast<T>((0 < x ? 1 : 0) - (x < 0 ? 1 : 0)); }>},
    {"Square",
     each<T, [](T x, P) { return static_cast<T>(static_cast<Wrapping<T>>(x) * static_cast<Wrapping<T>>(x)); }>},
};

}  // namespace

template <typename T>
UnaryInteger<T> unary_integer(std::string_view op) {
  return found(kRowsInteger<T>, op);
}

template UnaryInteger<std::int8_t> unary_integer<std::int8_t>(std::string_view);
template UnaryInteger<std::uint8_t> unary_integer<std::uint8_t>(std::string_view);
template UnaryInteger<std::int16_t> unary_integer<std::int16_t>(std::string_view);
template UnaryInteger<std::int32_t> unary_integer<std::int32_t>(std::string_view);
template UnaryInteger<std::int64_t> unary_integer<std::int64_t>(std::string_view);

}  // namespace lichen::kernels::reference
