// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/binary.hpp"

#include <cmath>

#include "kernels/reference/binary_rows.hpp"

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

template <>
Comparison<float> comparison<float>(std::string_view op) {
  return found(kRowsComparison<float>, op);
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

#define LICHEN_OF_STORED(T)                                                                                          \
  template void binary_by_reals(const Broadcast&, const T*, const T*, BinaryF32, FloatRange, const PairAffine&, T*); \
  template void comparison_by_reals(const Broadcast&, const T*, const T*, Comparison<float>, const PairAffine&, bool*);
LICHEN_OF_STORED(std::int8_t)
LICHEN_OF_STORED(std::uint8_t)
LICHEN_OF_STORED(std::int16_t)
#undef LICHEN_OF_STORED

}  // namespace lichen::kernels::reference
