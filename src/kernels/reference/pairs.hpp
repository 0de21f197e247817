// SPDX-License-Identifier: Apache-2.0
// The loops over two broadcast inputs.
#pragma once

#include "kernels/reference/binary.hpp"

namespace lichen::kernels::reference {

// f(offset into a, into b, into out) for the first element of every row along the last axis.
template <typename F>
void each_row(const Broadcast& s, const F& f) {
  const std::size_t last = s.rank - 1;
  const Index rows = s.dims[last] == 0 ? 0 : s.elements() / s.dims[last];
  std::array<Index, tensor::kRankMax> at{};
  Index at_a = 0;
  Index at_b = 0;
  for (Index row = 0; row < rows; ++row) {
    f(at_a, at_b, row * s.dims[last]);
    for (std::size_t axis = last; axis-- > 0;) {  // an odometer: advance an axis, carry to the one before
      at_a += s.strides_a[axis];
      at_b += s.strides_b[axis];
      if (++at[axis] < s.dims[axis]) break;
      at_a -= s.strides_a[axis] * s.dims[axis];
      at_b -= s.strides_b[axis] * s.dims[axis];
      at[axis] = 0;
    }
  }
}

// out[i] = function(a[...], b[...]); one loop for all strides.
template <typename A, typename B, typename Out, typename Function>
void each_pair(const Broadcast& s, const A* a, const B* b, Out* out, const Function& function) {
  const Index count = s.dims[s.rank - 1];
  const Index step_a = s.strides_a[s.rank - 1];
  const Index step_b = s.strides_b[s.rank - 1];
  each_row(s, [&](Index at_a, Index at_b, Index at) {
    for (Index i = 0; i < count; ++i)
      out[at + i] = static_cast<Out>(function(a[at_a + i * step_a], b[at_b + i * step_b]));
  });
}

// The same with a loop for each case that vectorizes: both inputs go on, or one stands still.
template <typename A, typename B, typename Out, typename Function>
void each_pair_fast(const Broadcast& s, const A* a, const B* b, Out* out, const Function& function) {
  const Index count = s.dims[s.rank - 1];
  const bool a_moves = s.strides_a[s.rank - 1] != 0;
  const bool b_moves = s.strides_b[s.rank - 1] != 0;
  each_row(s, [&](Index at_a, Index at_b, Index at) {
    const A* x = a + at_a;
    const B* y = b + at_b;
    Out* z = out + at;
    if (a_moves && b_moves) {
      for (Index i = 0; i < count; ++i) z[i] = function(x[i], y[i]);
    } else if (a_moves) {
      const B other = *y;
      for (Index i = 0; i < count; ++i) z[i] = function(x[i], other);
    } else {
      const A other = *x;
      for (Index i = 0; i < count; ++i) z[i] = function(other, b_moves ? y[i] : *y);
    }
  });
}

}  // namespace lichen::kernels::reference
