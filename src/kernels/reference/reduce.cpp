// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/reduce.hpp"

#include <bit>
#include <cmath>
#include <new>
#include <type_traits>

namespace lichen::kernels::reference {
namespace {

template <typename T>
inline constexpr bool kReal = std::is_same_v<T, float>;
// What sums are kept in.
template <typename T>
using Sum = std::conditional_t<kReal<T>, double, std::uint64_t>;

template <typename T>
Sum<T> widened(T x) {
  return static_cast<Sum<T>>(x);
}
template <typename T>
T narrowed(Sum<T> sum) {
  return static_cast<T>(sum);
}
// A sum that is not to wrap any more, as a real.
template <typename T>
double real_of_sum(Sum<T> sum) {
  if constexpr (kReal<T>) {
    return sum;
  } else {
    return static_cast<double>(static_cast<std::int64_t>(sum));
  }
}
template <typename T>
T of_real(double x) {
  if constexpr (kReal<T>) {
    return static_cast<T>(x);
  } else {
    return std::abs(x) < 9e18 ? static_cast<T>(static_cast<std::int64_t>(x)) : T{0};  // NaN, too
  }
}

// Each reduction: what it starts from, one more element, two parts together, the result of `count` elements.
template <typename T>
struct Adds {
  using Acc = Sum<T>;
  static Acc start() { return 0; }
  static Acc join(Acc a, Acc b) { return a + b; }
  static T finish(Acc acc, Index) { return narrowed<T>(acc); }
};
template <typename T>
struct Total : Adds<T> {
  static Sum<T> step(Sum<T> acc, T x) { return acc + widened(x); }
};
template <typename T>
struct Mean : Total<T> {
  static T finish(Sum<T> acc, Index count) {
    if constexpr (kReal<T>) return static_cast<T>(acc / static_cast<double>(count));
    return count == 0 ? T{0} : static_cast<T>(static_cast<std::int64_t>(acc) / count);
  }
};
template <typename T>
struct SumSquare : Adds<T> {
  static Sum<T> step(Sum<T> acc, T x) { return acc + widened(x) * widened(x); }
};
template <typename T>
struct L1 : Adds<T> {
  static Sum<T> step(Sum<T> acc, T x) {
    if constexpr (kReal<T>) return acc + std::abs(static_cast<double>(x));
    return x < 0 ? acc - widened(x) : acc + widened(x);
  }
};
template <typename T>
struct L2 : SumSquare<T> {
  static T finish(Sum<T> acc, Index) { return of_real<T>(std::sqrt(real_of_sum<T>(acc))); }
};
template <typename T>
struct LogSum : Total<T> {
  static T finish(Sum<T> acc, Index) { return of_real<T>(std::log(real_of_sum<T>(acc))); }
};
template <typename T>
struct Prod {
  using Acc = Sum<T>;
  static Acc start() { return 1; }
  static Acc step(Acc acc, T x) { return acc * widened(x); }
  static Acc join(Acc a, Acc b) { return a * b; }
  static T finish(Acc acc, Index) { return narrowed<T>(acc); }
};
template <typename T>
struct Max {
  using Acc = T;
  static Acc start() {
    if constexpr (kReal<T>) return -std::numeric_limits<T>::infinity();
    return std::numeric_limits<T>::lowest();
  }
  static Acc step(Acc acc, T x) {
    if constexpr (kReal<T>) return acc < x || std::isnan(x) ? x : acc;
    return std::max(acc, x);
  }
  static Acc join(Acc a, Acc b) { return step(a, b); }
  static T finish(Acc acc, Index) { return acc; }
};
template <typename T>
struct Min {
  using Acc = T;
  static Acc start() {
    if constexpr (kReal<T>) return std::numeric_limits<T>::infinity();
    return std::numeric_limits<T>::max();
  }
  static Acc step(Acc acc, T x) {
    if constexpr (kReal<T>) return x < acc || std::isnan(x) ? x : acc;
    return std::min(acc, x);
  }
  static Acc join(Acc a, Acc b) { return step(a, b); }
  static T finish(Acc acc, Index) { return acc; }
};
// exp(x - largest so far), so that nothing overflows.
template <typename T>
struct LogSumExp {
  struct Acc {
    double largest = -std::numeric_limits<double>::infinity();
    double sum = 0;
  };
  static Acc start() { return {}; }
  static Acc step(Acc acc, T x) { return join(acc, {static_cast<double>(x), 1.0}); }
  static Acc join(Acc a, Acc b) {
    if (a.largest < b.largest || std::isnan(b.largest)) std::swap(a, b);
    if (b.sum == 0.0) return a;
    return {a.largest, a.sum + (a.largest == b.largest ? b.sum : b.sum * std::exp(b.largest - a.largest))};
  }
  static T finish(Acc acc, Index) { return of_real<T>(std::log(acc.sum) + acc.largest); }
};
struct All {
  using Acc = std::uint8_t;
  static Acc start() { return 1; }
  static Acc step(Acc acc, std::uint8_t x) { return x != 0 ? acc : Acc{0}; }
  static Acc join(Acc a, Acc b) { return step(a, b); }
  static std::uint8_t finish(Acc acc, Index) { return acc; }
};
struct Any {
  using Acc = std::uint8_t;
  static Acc start() { return 0; }
  static Acc step(Acc acc, std::uint8_t x) { return x != 0 ? Acc{1} : acc; }
  static Acc join(Acc a, Acc b) { return step(a, b); }
  static std::uint8_t finish(Acc acc, Index) { return acc; }
};

Index offset_of(const Reduction::Axes& axes, Index at) {
  Index offset = 0;
  for (std::size_t axis = axes.rank; axis-- > 0; at /= axes.dims[axis])
    offset += at % axes.dims[axis] * axes.strides[axis];
  return offset;
}

// A row into one value, by several at once: sums are shorter, and CPUs overlap them.
template <typename R, typename T>
typename R::Acc row_of(const T* in, Index length, typename R::Acc acc) {
  constexpr std::size_t kLanes = 4;
  if (length >= Index{4 * kLanes}) {
    std::array<typename R::Acc, kLanes> lanes;
    lanes.fill(R::start());
    for (; length >= Index{kLanes}; length -= Index{kLanes}, in += kLanes) {
      for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = R::step(lanes[i], in[i]);
    }
    for (const auto& lane : lanes) acc = R::join(acc, lane);
  }
  for (Index i = 0; i < length; ++i) acc = R::step(acc, in[i]);
  return acc;
}

// finish(acc, place) for every output in order; R's accumulators of a run that stays are in `scratch`.
template <typename R, typename T, typename Finish>
void fold(const Reduction& r, const T* in, std::byte* scratch, const Finish& finish) {
  using Acc = typename R::Acc;
  const Index kept = r.kept.count();
  const Index reduced = r.reduced.count();
  Index place = 0;
  if (r.reduces_last) {
    for (Index k = 0; k < kept; ++k) {
      const T* from = in + offset_of(r.kept, k);
      Acc acc = R::start();
      for (Index i = 0; i < reduced; ++i) acc = row_of<R>(from + offset_of(r.reduced, i), r.length, acc);
      finish(acc, place++);
    }
    return;
  }
  static_assert(std::is_trivially_destructible_v<Acc> && sizeof(Acc) <= 16);
  Acc* accs = std::launder(reinterpret_cast<Acc*>(scratch));
  for (Index k = 0; k < kept; ++k) {
    const T* from = in + offset_of(r.kept, k);
    for (Index j = 0; j < r.length; ++j) accs[j] = R::start();
    for (Index i = 0; i < reduced; ++i) {
      const T* row = from + offset_of(r.reduced, i);
      for (Index j = 0; j < r.length; ++j) accs[j] = R::step(accs[j], row[j]);
    }
    for (Index j = 0; j < r.length; ++j) finish(accs[j], place++);
  }
}

template <typename R, typename T>
void reduce_by(const Reduction& r, const T* in, std::byte* scratch, T* out) {
  const Index each = r.elements_each();
  fold<R>(r, in, scratch, [&](const typename R::Acc& acc, Index place) { out[place] = R::finish(acc, each); });
}

template <typename T>
struct Row {
  std::string_view op;
  Reduce<T> function;
};

template <typename T>
constexpr Row<T> kRows[] = {
    {"ReduceL1", reduce_by<L1<T>, T>},         {"ReduceL2", reduce_by<L2<T>, T>},
    {"ReduceLogSum", reduce_by<LogSum<T>, T>}, {"ReduceLogSumExp", reduce_by<LogSumExp<T>, T>},
    {"ReduceMax", reduce_by<Max<T>, T>},       {"ReduceMean", reduce_by<Mean<T>, T>},
    {"ReduceMin", reduce_by<Min<T>, T>},       {"ReduceProd", reduce_by<Prod<T>, T>},
    {"ReduceSum", reduce_by<Total<T>, T>},     {"ReduceSumSquare", reduce_by<SumSquare<T>, T>},
};

// A number whose order is that of the values, NaN above all, and for which -0 and 0 are equal.
template <typename T>
auto rank_of(T x) {
  if constexpr (kReal<T>) {
    if (std::isnan(x)) return std::numeric_limits<std::int32_t>::max();
    const auto bits = std::bit_cast<std::int32_t>(x + 0.0F);
    return bits < 0 ? bits ^ 0x7FFFFFFF : bits;
  } else {
    return x;
  }
}

}  // namespace

Reduction reduction_of(const tensor::Shape& in, std::span<const bool> reduced) {
  Reduction r;
  Index stride = 1;
  bool in_last = true;
  r.reduces_last = in.rank() == 0 || reduced[in.rank() - 1];
  Reduction::Axes reversed[2];  // kept, reduced; innermost first
  for (std::size_t axis = in.rank(); axis-- > 0; stride *= in[axis]) {
    in_last = in_last && reduced[axis] == r.reduces_last;
    if (in_last) {
      r.length *= in[axis];
      continue;
    }
    Reduction::Axes& to = reversed[reduced[axis] ? 1 : 0];
    to.dims[to.rank] = in[axis];
    to.strides[to.rank++] = stride;
  }
  for (std::size_t side = 0; side < 2; ++side) {
    Reduction::Axes& to = side == 0 ? r.kept : r.reduced;
    to.rank = reversed[side].rank;
    for (std::size_t i = 0; i < to.rank; ++i) {
      to.dims[i] = reversed[side].dims[to.rank - 1 - i];
      to.strides[i] = reversed[side].strides[to.rank - 1 - i];
    }
  }
  return r;
}

std::size_t reduction_scratch_bytes(const Reduction& r) {
  return r.reduces_last ? 0 : static_cast<std::size_t>(r.length) * 16;
}

template <typename T>
Reduce<T> reduce(std::string_view op) {
  for (const Row<T>& row : kRows<T>) {
    if (row.op == op) return row.function;
  }
  return nullptr;
}

Reduce<std::uint8_t> reduce_bools(std::string_view op) {
  if (op == "ReduceAll" || op == "ReduceMin") return reduce_by<All, std::uint8_t>;
  return op == "ReduceAny" || op == "ReduceMax" ? reduce_by<Any, std::uint8_t> : nullptr;
}

template <typename T>
void reduce_sum(const Reduction& r, const T* in, const SumQuantized& q, std::byte* scratch, T* out) {
  const std::int64_t zero = std::int64_t{q.zero_point_in} * r.elements_each();
  constexpr std::int32_t kMin = std::numeric_limits<T>::min();
  constexpr std::int32_t kMax = std::numeric_limits<T>::max();
  fold<Total<T>>(r, in, scratch, [&](std::uint64_t sum, Index place) {
    const auto moved = static_cast<std::int32_t>(static_cast<std::int64_t>(sum) - zero);
    out[place] = requantize<T>(moved, q.multiplier, q.zero_point_out, kMin, kMax);
  });
}

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
    for (Index i = 0; i < v.inner; ++i) {
      Index best = 0;
      for (Index a = 1; a < v.axis; ++a) {
        const auto x = rank_of(in[a * v.inner + i]);
        const auto y = rank_of(in[best * v.inner + i]);
        if ((largest ? x > y : x < y) || (last && x == y)) best = a;
      }
      *out++ = static_cast<To>(best);
    }
  }
}

template <typename T>
void cumulative_sum(const AxisView& v, bool exclusive, bool reverse, const T* in, T* out) {
  using Acc = std::conditional_t<kReal<T>, float, std::uint64_t>;
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
      for (Index a = 0; a < v.axis; ++a) scratch[a] = static_cast<std::int32_t>(a);
      std::partial_sort(scratch, scratch + k, scratch + v.axis, [&](std::int32_t x, std::int32_t y) {
        const auto of_x = rank_of(from[x * v.inner]);
        const auto of_y = rank_of(from[y * v.inner]);
        if (of_x != of_y) return largest ? of_x > of_y : of_x < of_y;
        return x < y;
      });
      for (Index a = 0; a < k; ++a) {
        const Index to = (o * k + a) * v.inner + i;
        if (values != nullptr) values[to] = from[scratch[a] * v.inner];
        if (places != nullptr) places[to] = static_cast<To>(scratch[a]);
      }
    }
  }
}

#define LICHEN_OF(T)                                                                             \
  template Reduce<T> reduce<T>(std::string_view);                                                \
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
template void reduce_sum(const Reduction&, const std::int8_t*, const SumQuantized&, std::byte*, std::int8_t*);
template void reduce_sum(const Reduction&, const std::int16_t*, const SumQuantized&, std::byte*, std::int16_t*);
template void reduce_sum(const Reduction&, const std::uint8_t*, const SumQuantized&, std::byte*, std::uint8_t*);

}  // namespace lichen::kernels::reference
