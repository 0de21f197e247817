// SPDX-License-Identifier: Apache-2.0
// Tensors from sizes and conditions.
#pragma once

#include <span>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

// Of each of `outer` slices keeps the places whose condition is true; returns how many these are. Places beyond the
// condition go.
struct Kept {
  Index outer = 1;
  Index step = 0;  // bytes of a slice of x
  Index size = 1;  // places that have a condition
  Index run = 1;   // bytes of a place
};
[[nodiscard]] Index compress(const Kept& k, const std::uint8_t* condition, const std::byte* x, std::byte* out);

// i64 [rank, count], row-major: of every element that is not 0 its place along each axis. Returns the count. A scalar
// is a vector of one.
[[nodiscard]] Index non_zero(std::span<const std::int64_t> dims, Index element_bytes, bool is_float, const std::byte* x,
                             std::int64_t* out);

// out seen as [outer, depth, inner], where x is [outer, inner]; values: off, on. An index that no place fits gives off
// everywhere.
struct OneHot {
  Index outer = 1, depth = 1, inner = 1;
  Index element = 1;  // bytes
};
template <typename I>
void one_hot(const OneHot& o, const I* x, const std::byte* values, std::byte* out);

template <typename T>
void range(T start, T delta, Index count, T* out) {
  for (Index i = 0; i < count; ++i) out[i] = static_cast<T>(i == 0 ? start : out[i - 1] + delta);
}

}  // namespace lichen::kernels::reference
