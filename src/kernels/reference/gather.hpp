// SPDX-License-Identifier: Apache-2.0
// Elements by indices (i32 or i64; below 0 they count from the end of their axis), and where scattered ones go. All
// functions that read indices say whether these were in range; where one is not, nothing behind it is written.
#pragma once

#include <array>

#include "kernels/geometry.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {

// Brings an index into [0, size), or says that it is out of range.
[[nodiscard]] inline bool resolve(std::int64_t& index, Index size) {
  if (index < 0) index += size;
  return index >= 0 && index < size;
}

struct GatherShape {
  Index batches = 1;  // each with its own `count` indices
  Index outer = 1;    // slices of a batch, all by the same indices
  Index size = 1;     // of the axis that indices are about
  Index count = 1;
  Index run = 1;  // bytes that one index stands for
};
template <typename I>
[[nodiscard]] bool gather(const GatherShape& s, const std::byte* x, const I* indices, std::byte* out);

// A tensor of indices over a larger tensor x of the same rank: element (i, j, k) of the one stands for (index, j, k) of
// the other, if axis is 0.
struct ElementsAlong {
  std::array<Index, tensor::kRankMax> dims{};   // of the indices
  std::array<Index, tensor::kRankMax> steps{};  // in x, in elements; 0 for the axis
  std::size_t rank = 0;
  Index count = 0;
  Index size = 1;       // of x's axis
  Index axis_step = 1;  // in x
};
[[nodiscard]] ElementsAlong elements_along(const tensor::Shape& x, const tensor::Shape& indices, std::size_t axis);

// Calls f(i, place): element i of the indices stands for element `place` of x.
template <typename I, typename F>
[[nodiscard]] bool each_place(const ElementsAlong& s, const I* indices, const F& f) {
  std::array<Index, tensor::kRankMax> at{};
  Index base = 0;
  for (Index i = 0; i < s.count; ++i) {
    std::int64_t index = indices[i];
    if (!resolve(index, s.size)) return false;
    f(i, base + index * s.axis_step);
    for (std::size_t axis = s.rank; axis-- > 0;) {  // an odometer
      base += s.steps[axis];
      if (++at[axis] < s.dims[axis]) break;
      base -= s.steps[axis] * s.dims[axis];
      at[axis] = 0;
    }
  }
  return true;
}
template <typename I>
[[nodiscard]] bool gather_elements(const ElementsAlong& s, Index element_bytes, const std::byte* x, const I* indices,
                                   std::byte* out);

// Tuples of indices, each for the part of x behind the axes that it names.
struct Tuples {
  Index batches = 1;
  Index batch_step = 0;  // elements of x of one batch
  Index count = 0;       // tuples of a batch
  std::size_t length = 0;
  std::array<Index, tensor::kRankMax> sizes{};  // of the axes named
  std::array<Index, tensor::kRankMax> steps{};  // elements
  Index run = 1;                                // elements
};
[[nodiscard]] Tuples tuples_of(const tensor::Shape& x, const tensor::Shape& indices, std::size_t batch_dims);

// Calls f(i, place): tuple i (of all batches) stands for the `run` elements of x from `place` on.
template <typename I, typename F>
[[nodiscard]] bool each_tuple(const Tuples& t, const I* indices, const F& f) {
  for (Index i = 0; i < t.batches * t.count; ++i) {
    Index place = i / t.count * t.batch_step;
    for (std::size_t k = 0; k < t.length; ++k) {
      std::int64_t index = *indices++;
      if (!resolve(index, t.sizes[k])) return false;
      place += index * t.steps[k];
    }
    f(i, place);
  }
  return true;
}
template <typename I>
[[nodiscard]] bool gather_nd(const Tuples& t, Index element_bytes, const std::byte* x, const I* indices,
                             std::byte* out);

}  // namespace lichen::kernels::reference
