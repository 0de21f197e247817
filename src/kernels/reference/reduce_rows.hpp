// SPDX-License-Identifier: Apache-2.0
// The loops of reductions, and the table of those by the name of the op. Internal to this folder; internal linkage,
// because files that are optimized differently include it.
#pragma once

#include <cmath>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "kernels/reference/reduce.hpp"

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

template <typename T>
Reduce<T> found(std::string_view op) {
  for (const Row<T>& row : kRows<T>) {
    if (row.op == op) return row.function;
  }
  return nullptr;
}

}  // namespace
}  // namespace lichen::kernels::reference
