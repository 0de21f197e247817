// SPDX-License-Identifier: Apache-2.0
// What looks along one axis: places of extremes, running sums, the k best. Compiled for size.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/reference/reduce.hpp"

namespace lichen::kernels::reference {
namespace {

// A number whose order is that of the values, NaN above all, and for which -0 and 0 are equal.
template <typename T>
auto rank_of(T x) {
  if constexpr (std::is_same_v<T, float>) {
    if (std::isnan(x)) return std::numeric_limits<std::int32_t>::max();
    const auto bits = std::bit_cast<std::int32_t>(x + 0.0F);
    return bits < 0 ? bits ^ 0x7FFFFFFF : bits;
  } else {
    return x;
  }
}

// Of `count` values that lie `step` apart.
template <typename T>
Index extreme(const T* from, Index step, Index count, bool largest, bool last) {
  Index best = 0;
  for (Index i = 1; i < count; ++i) {
    const auto x = rank_of(from[i * step]);
    const auto y = rank_of(from[best * step]);
    if ((largest ? x > y : x < y) || (last && x == y)) best = i;
  }
  return best;
}

// The first k of `places` become those of the best values.
template <typename T>
void sort_best(const T* from, Index step, Index count, Index k, bool largest, std::int32_t* places) {
  for (Index i = 0; i < count; ++i) places[i] = static_cast<std::int32_t>(i);
  std::partial_sort(places, places + k, places + count, [&](std::int32_t a, std::int32_t b) {
    const auto x = rank_of(from[a * step]);
    const auto y = rank_of(from[b * step]);
    if (x != y) return largest ? x > y : x < y;
    return a < b;
  });
}

}  // namespace

AxisView axis_view(const tensor::Shape& shape, std::size_t axis) {
  AxisView v;
  v.axis = shape[axis];
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (i < axis) v.outer *= shape[i];
    if (i > axis) v.inner *= shape[i];
  }
  return v;
}

template <typename T, typename To>
void arg_extreme(const AxisView& v, bool largest, bool last, const T* in, To* out) {
  for (Index o = 0; o < v.outer; ++o, in += v.axis * v.inner) {
    for (Index i = 0; i < v.inner; ++i) *out++ = static_cast<To>(extreme(in + i, v.inner, v.axis, largest, last));
  }
}

template <typename T>
void cumulative_sum(const AxisView& v, bool exclusive, bool reverse, const T* in, T* out) {
  using Acc = std::conditional_t<std::is_same_v<T, float>, float, std::uint64_t>;
  for (Index o = 0; o < v.outer; ++o) {
    for (Index i = 0; i < v.inner; ++i) {
      Acc sum = 0;
      for (Index step = 0; step < v.axis; ++step) {
        const Index at = (o * v.axis + (reverse ? v.axis - 1 - step : step)) * v.inner + i;
        const Acc before = sum;
        sum += static_cast<Acc>(in[at]);
        out[at] = static_cast<T>(exclusive ? before : sum);
      }
    }
  }
}

template <typename T, typename To>
void top_k(const AxisView& v, Index k, bool largest, const T* in, std::int32_t* scratch, T* values, To* places) {
  for (Index o = 0; o < v.outer; ++o) {
    for (Index i = 0; i < v.inner; ++i) {
      const T* from = in + o * v.axis * v.inner + i;
      sort_best(from, v.inner, v.axis, k, largest, scratch);
      for (Index a = 0; a < k; ++a) {
        const Index to = (o * k + a) * v.inner + i;
        if (values != nullptr) values[to] = from[scratch[a] * v.inner];
        if (places != nullptr) places[to] = static_cast<To>(scratch[a]);
      }
    }
  }
}

#define LICHEN_OF(T)                                                                             \
  template void arg_extreme(const AxisView&, bool, bool, const T*, std::int32_t*);               \
  template void arg_extreme(const AxisView&, bool, bool, const T*, std::int64_t*);               \
  template void cumulative_sum(const AxisView&, bool, bool, const T*, T*);                       \
  template void top_k(const AxisView&, Index, bool, const T*, std::int32_t*, T*, std::int32_t*); \
  template void top_k(const AxisView&, Index, bool, const T*, std::int32_t*, T*, std::int64_t*);
LICHEN_OF(float)
LICHEN_OF(std::int8_t)
LICHEN_OF(std::uint8_t)
LICHEN_OF(std::int16_t)
LICHEN_OF(std::int32_t)
LICHEN_OF(std::int64_t)
#undef LICHEN_OF

}  // namespace lichen::kernels::reference
