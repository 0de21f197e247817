// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/integer_layers.hpp"

namespace lichen::kernels::reference {
namespace {

template <typename A, typename B>
std::int32_t dot(Index count, const A* a, std::int32_t zero_a, const B* b, std::int32_t zero_b) {
  std::uint32_t sum = 0;
  for (Index i = 0; i < count; ++i) sum += static_cast<std::uint32_t>((a[i] - zero_a) * (b[i] - zero_b));
  return static_cast<std::int32_t>(sum);
}

// One output: what the window at (oy, ox) sees of the channels from `first`.
template <typename A, typename B>
std::int32_t window_sum(const Window2D& w, const A* image, Index oy, Index ox, Index first, std::int32_t zero_point,
                        const B* weights, std::int32_t weights_zero_point) {
  const Index depth = w.in_c / w.groups;
  std::int32_t sum = 0;
  for (Index ky = 0; ky < w.filter_h; ++ky) {
    const Index y = oy * w.stride_h - w.pad_h + ky * w.dilation_h;
    if (!inside(y, w.in_h)) continue;
    for (Index kx = 0; kx < w.filter_w; ++kx) {
      const Index x = ox * w.stride_w - w.pad_w + kx * w.dilation_w;
      if (!inside(x, w.in_w)) continue;
      sum = wrapping_add(sum, dot(depth, image + (y * w.in_w + x) * w.in_c + first, zero_point,
                                  weights + (ky * w.filter_w + kx) * depth, weights_zero_point));
    }
  }
  return sum;
}

template <typename A, typename B>
void matrix_product(const BatchedProduct& p, const A* a, ZeroPoints<A> zero_a, const B* b, ZeroPoints<B> zero_b,
                    std::int32_t* out) {
  for (Index row = 0; row < p.rows; ++row, out += p.columns) {
    for (Index c = 0; c < p.columns; ++c) out[c] = 0;
    for (Index d = 0; d < p.depth; ++d) {
      const std::int32_t x = a[row * p.depth + d] - zero_a.at(row);
      const B* y = b + d * p.columns;
      if (zero_b.values == nullptr || zero_b.step == 0) {
        const std::int32_t zero = zero_b.at(0);
        for (Index c = 0; c < p.columns; ++c) out[c] = wrapping_add(out[c], x * (y[c] - zero));
      } else {
        for (Index c = 0; c < p.columns; ++c) out[c] = wrapping_add(out[c], x * (y[c] - zero_b.values[c]));
      }
    }
  }
}

}  // namespace

template <typename A, typename B>
void conv_integer(const Window2D& w, Index begin, Index end, const A* in, std::int32_t zero_point, const B* weights,
                  ZeroPoints<B> weights_zero_points, std::int32_t* out) {
  const Index depth = w.in_c / w.groups;
  const Index group_units = w.out_c / w.groups;
  const Index filter = w.filter_h * w.filter_w * depth;
  for (Index row = begin; row < end; ++row) {
    const A* image = in + row / w.out_h * w.in_h * w.in_w * w.in_c;
    for (Index ox = 0; ox < w.out_w; ++ox) {
      std::int32_t* to = out + (row * w.out_w + ox) * w.out_c;
      for (Index unit = 0; unit < w.out_c; ++unit) {
        to[unit] = window_sum(w, image, row % w.out_h, ox, unit / group_units * depth, zero_point,
                              weights + unit * filter, weights_zero_points.at(unit));
      }
    }
  }
}

template <typename A, typename B>
void matmul_integer(const BatchedProduct& p, const A* a, ZeroPoints<A> zero_points_a, const B* b,
                    ZeroPoints<B> zero_points_b, std::int32_t* out) {
  Index batches = 1;
  for (std::size_t i = 0; i < p.rank; ++i) batches *= p.batch[i];
  for (Index batch = 0; batch < batches; ++batch) {
    Index at_a = 0;
    Index at_b = 0;
    Index rest = batch;
    for (std::size_t axis = p.rank; axis-- > 0; rest /= p.batch[axis]) {
      at_a += rest % p.batch[axis] * p.strides_a[axis];
      at_b += rest % p.batch[axis] * p.strides_b[axis];
    }
    matrix_product(p, a + at_a, zero_points_a, b + at_b, zero_points_b, out + batch * p.rows * p.columns);
  }
}

#define LICHEN_OF(A, B)                                                                                      \
  template void conv_integer(const Window2D&, Index, Index, const A*, std::int32_t, const B*, ZeroPoints<B>, \
                             std::int32_t*);                                                                 \
  template void matmul_integer(const BatchedProduct&, const A*, ZeroPoints<A>, const B*, ZeroPoints<B>, std::int32_t*);
LICHEN_OF(std::int8_t, std::int8_t)
LICHEN_OF(std::int8_t, std::uint8_t)
LICHEN_OF(std::uint8_t, std::int8_t)
LICHEN_OF(std::uint8_t, std::uint8_t)
#undef LICHEN_OF

}  // namespace lichen::kernels::reference
