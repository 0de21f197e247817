// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/binary.hpp"

#include <cmath>
#include <type_traits>
#include <utility>

#include "kernels/reference/pairs.hpp"

namespace lichen::kernels::reference {
namespace {

using Steps = std::array<Index, tensor::kRankMax>;

Steps strides_of(const tensor::Shape& shape, std::size_t rank) {
  Steps strides{};
  Index step = 1;
  for (std::size_t i = 0; i < shape.rank(); ++i) {  // from the last dimension
    const Index d = shape[shape.rank() - 1 - i];
    strides[rank - 1 - i] = d == 1 ? 0 : step;
    step *= d;
  }
  return strides;
}

float floor_mod(float a, float b) {
  const float m = std::fmod(a, b);
  return m != 0.0F && (m < 0.0F) != (b < 0.0F) ? m + b : m;
}

template <auto function>
void f32(const Broadcast& s, const float* a, const float* b, FloatRange range, float* out) {
  each_pair_fast(s, a, b, out,
                 [=](float x, float y) { return std::min(std::max(function(x, y), range.min), range.max); });
}

float larger(float a, float b) {  // a NaN wins
  return b < a || std::isnan(a) ? a : b;
}
float smaller(float a, float b) {
  return a < b || std::isnan(a) ? a : b;
}
float prelu(float x, float slope) {
  return x >= 0.0F ? x : x * slope;
}

template <typename Function>
struct Row {
  std::string_view op;
  Function function;
};

constexpr Row<BinaryF32> kRowsF32[] = {
    {"Add", f32<[](float a, float b) { return a + b; }>},
    {"Atan2", f32<[](float a, float b) { return std::atan2(a, b); }>},
    {"Div", f32<[](float a, float b) { return a / b; }>},
    {"FloorDiv", f32<[](float a, float b) { return std::floor(a / b); }>},
    {"FloorMod", f32<floor_mod>},
    {"Maximum", f32<larger>},
    {"Minimum", f32<smaller>},
    {"Mul", f32<[](float a, float b) { return a * b; }>},
    {"PRelu", f32<prelu>},
    {"Pow", f32<[](float a, float b) { return std::pow(a, b); }>},
    {"SquaredDifference", f32<[](float a, float b) { return (a - b) * (a - b); }>},
    {"Sub", f32<[](float a, float b) { return a - b; }>},
    {"TruncMod", f32<[](float a, float b) { return std::fmod(a, b); }>},
};

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
  each_pair(s, a, b, out, function);
}

template <typename T, auto function>
void wrapping(const Broadcast& s, const T* a, const T* b, T* out) {
  each_pair(s, a, b, out, [](T x, T y) { return function(static_cast<Wide<T>>(x), static_cast<Wide<T>>(y)); });
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

template <typename T, auto function>
void test(const Broadcast& s, const T* a, const T* b, bool* out) {
  if constexpr (std::is_floating_point_v<T>) {
    each_pair_fast(s, a, b, out, function);
  } else {
    each_pair(s, a, b, out, function);
  }
}

template <typename T>
bool less(T a, T b) {
  return a < b;
}
template <typename T>
bool less_equal(T a, T b) {
  return a <= b;
}

template <typename T>
constexpr Row<Comparison<T>> kRowsComparison[] = {
    {"Equal", test<T, [](T a, T b) { return a == b; }>},
    {"Greater", test<T, [](T a, T b) { return less(b, a); }>},
    {"GreaterEqual", test<T, [](T a, T b) { return less_equal(b, a); }>},
    {"Less", test<T, less<T>>},
    {"LessEqual", test<T, less_equal<T>>},
    {"NotEqual", test<T, [](T a, T b) { return a != b; }>},
};

using Byte = std::uint8_t;

constexpr Row<Comparison<Byte>> kRowsLogical[] = {
    {"Equal", test<Byte, [](Byte a, Byte b) { return (a != 0) == (b != 0); }>},
    {"LogicalAnd", test<Byte, [](Byte a, Byte b) { return a != 0 && b != 0; }>},
    {"LogicalOr", test<Byte, [](Byte a, Byte b) { return a != 0 || b != 0; }>},
    {"LogicalXor", test<Byte, [](Byte a, Byte b) { return (a != 0) != (b != 0); }>},
    {"NotEqual", test<Byte, [](Byte a, Byte b) { return (a != 0) != (b != 0); }>},
};

template <typename Rows>
auto found(const Rows& rows, std::string_view op) -> decltype(rows[0].function) {
  for (const auto& r : rows) {
    if (r.op == op) return r.function;
  }
  return nullptr;
}

template <typename T>
void to_reals(const T* from, Index step, Index count, Affine q, float* to) {
  if (step == 1) {
    for (Index i = 0; i < count; ++i) to[i] = real_of(from[i], q);
  } else {
    for (Index i = 0; i < count; ++i) to[i] = real_of(from[i * step], q);
  }
}

template <typename T>
void to_stored(const float* from, Index count, Affine q, Rounding rounding, T* to) {
  if (rounding == Rounding::kNearestEven) {
    const auto zero_point = static_cast<float>(q.zero_point);
    for (Index i = 0; i < count; ++i) to[i] = stored_even<T>(from[i], q.scale, zero_point);
  } else {
    for (Index i = 0; i < count; ++i) to[i] = stored_of<T>(from[i], q, rounding);
  }
}

// Calls f(reals of a, reals of b, place in out, count) for runs of at most 256 elements.
template <typename T, typename F>
void each_run_of_reals(const Broadcast& s, const T* a, const T* b, const PairAffine& q, const F& f) {
  constexpr Index kRun = 256;
  std::array<float, kRun> reals_a{};
  std::array<float, kRun> reals_b{};
  const Index length = s.dims[s.rank - 1];
  const Index step_a = s.strides_a[s.rank - 1];
  const Index step_b = s.strides_b[s.rank - 1];
  each_row(s, [&](Index at_a, Index at_b, Index at) {
    for (Index begin = 0; begin < length; begin += kRun) {
      const Index count = std::min(kRun, length - begin);
      to_reals(a + at_a + begin * step_a, step_a, count, q.a, reals_a.data());
      to_reals(b + at_b + begin * step_b, step_b, count, q.b, reals_b.data());
      f(reals_a.data(), reals_b.data(), at + begin, count);
    }
  });
}

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

Broadcast broadcast_of(const tensor::Shape& a, const tensor::Shape& b, const tensor::Shape& out) {
  const Steps all_a = strides_of(a, out.rank());
  const Steps all_b = strides_of(b, out.rank());
  Broadcast s;
  s.plain = a == b;
  for (std::size_t i = 0; i < out.rank(); ++i) {
    if (out[i] == 1) continue;
    const std::size_t before = s.rank - 1;
    const bool goes_on =
        s.rank > 0 && s.strides_a[before] == all_a[i] * out[i] && s.strides_b[before] == all_b[i] * out[i];
    if (!goes_on) ++s.rank;
    const std::size_t axis = s.rank - 1;
    s.dims[axis] = goes_on ? s.dims[axis] * out[i] : Index{out[i]};
    s.strides_a[axis] = all_a[i];
    s.strides_b[axis] = all_b[i];
  }
  if (s.rank == 0) s.dims[s.rank++] = 1;
  return s;
}

Broadcast plain_broadcast(Index count) {
  Broadcast s;
  s.dims[0] = count;
  s.strides_a[0] = s.strides_b[0] = 1;
  s.rank = 1;
  s.plain = true;
  return s;
}

BinaryF32 binary_f32(std::string_view op) {
  return found(kRowsF32, op);
}

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

template <typename T>
void binary_by_reals(const Broadcast& shape, const T* a, const T* b, BinaryF32 function, FloatRange range,
                     const PairAffine& q, T* out) {
  each_run_of_reals(shape, a, b, q, [&](float* x, const float* y, Index at, Index count) {
    function(plain_broadcast(count), x, y, range, x);
    to_stored(x, count, q.out, q.rounding, out + at);
  });
}

template <typename T>
void comparison_by_reals(const Broadcast& shape, const T* a, const T* b, Comparison<float> function,
                         const PairAffine& q, bool* out) {
  each_run_of_reals(shape, a, b, q, [&](const float* x, const float* y, Index at, Index count) {
    function(plain_broadcast(count), x, y, out + at);
  });
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
template Comparison<float> comparison<float>(std::string_view);

#define LICHEN_OF_STORED(T)                                                                                          \
  template void binary_by_reals(const Broadcast&, const T*, const T*, BinaryF32, FloatRange, const PairAffine&, T*); \
  template void comparison_by_reals(const Broadcast&, const T*, const T*, Comparison<float>, const PairAffine&, bool*);
LICHEN_OF_STORED(std::int8_t)
LICHEN_OF_STORED(std::uint8_t)
LICHEN_OF_STORED(std::int16_t)
#undef LICHEN_OF_STORED

template void pow(const Broadcast&, const float*, const std::int32_t*, float*);
template void pow(const Broadcast&, const float*, const std::int64_t*, float*);
template void pow(const Broadcast&, const std::int32_t*, const float*, std::int32_t*);
template void pow(const Broadcast&, const std::int32_t*, const std::int64_t*, std::int32_t*);
template void pow(const Broadcast&, const std::int64_t*, const float*, std::int64_t*);
template void pow(const Broadcast&, const std::int64_t*, const std::int32_t*, std::int64_t*);

}  // namespace lichen::kernels::reference
