// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/scatter.hpp"

#include <cmath>
#include <type_traits>

namespace lichen::kernels::reference {
namespace {

// Whole numbers wrap, as unsigned ones do; of floats a NaN wins.
template <typename T>
T combined(Combine combine, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    switch (combine) {
      case Combine::kAdd:
        return a + b;
      case Combine::kMul:
        return a * b;
      case Combine::kMax:
        return std::isnan(a) || a > b ? a : b;
      case Combine::kMin:
        return std::isnan(a) || a < b ? a : b;
      case Combine::kReplace:
        return b;
    }
  } else {
    const auto ua = static_cast<std::uint64_t>(a);
    const auto ub = static_cast<std::uint64_t>(b);
    switch (combine) {
      case Combine::kAdd:
        return static_cast<T>(ua + ub);
      case Combine::kMul:
        return static_cast<T>(ua * ub);
      case Combine::kMax:
        return a > b ? a : b;
      case Combine::kMin:
        return a < b ? a : b;
      case Combine::kReplace:
        return b;
    }
  }
  return b;
}

}  // namespace

template <typename T, typename I>
bool scatter_elements(const ElementsAlong& s, Combine combine, const I* indices, const T* updates, T* out) {
  return each_place(s, indices, [&](Index i, Index place) { out[place] = combined(combine, out[place], updates[i]); });
}

template <typename T, typename I>
bool scatter_nd(const Tuples& t, Combine combine, const I* indices, const T* updates, T* out) {
  return each_tuple(t, indices, [&](Index i, Index place) {
    const T* from = updates + i * t.run;
    for (Index k = 0; k < t.run; ++k) out[place + k] = combined(combine, out[place + k], from[k]);
  });
}

#define LICHEN_SCATTER(T, I)                                                             \
  template bool scatter_elements(const ElementsAlong&, Combine, const I*, const T*, T*); \
  template bool scatter_nd(const Tuples&, Combine, const I*, const T*, T*);
#define LICHEN_SCATTER_BOTH(T) LICHEN_SCATTER(T, std::int32_t) LICHEN_SCATTER(T, std::int64_t)
LICHEN_SCATTER_BOTH(float)
LICHEN_SCATTER_BOTH(std::int8_t)
LICHEN_SCATTER_BOTH(std::uint8_t)
LICHEN_SCATTER_BOTH(std::int16_t)
LICHEN_SCATTER_BOTH(std::int32_t)
LICHEN_SCATTER_BOTH(std::int64_t)

}  // namespace lichen::kernels::reference
