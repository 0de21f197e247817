// SPDX-License-Identifier: Apache-2.0
// ConvInteger and MatMulInteger: exact sums, which wrap at 32 bits. A and B are int8_t or uint8_t.
#pragma once

#include <array>

#include "kernels/geometry.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {

// Zero points of one operand: null: 0; step 0: one for all; 1: one for each channel, row or column.
template <typename T>
struct ZeroPoints {
  const T* values = nullptr;
  Index step = 0;
  [[nodiscard]] std::int32_t at(Index i) const { return values == nullptr ? 0 : values[i * step]; }
};

// Output rows [begin, end) of batch * out_h. Weights [out_c][filter_h][filter_w][in_c / groups].
template <typename A, typename B>
void conv_integer(const Window2D& w, Index begin, Index end, const A* in, std::int32_t zero_point, const B* weights,
                  ZeroPoints<B> weights_zero_points, std::int32_t* out);

// Batches of [rows, depth] x [depth, columns]; offsets of each batch's a and b follow from the strides, 0 where it is
// broadcast.
struct BatchedProduct {
  std::array<Index, tensor::kRankMax> batch{};
  std::array<Index, tensor::kRankMax> strides_a{};
  std::array<Index, tensor::kRankMax> strides_b{};
  std::size_t rank = 0;
  Index rows = 1, depth = 1, columns = 1;
};
template <typename A, typename B>
void matmul_integer(const BatchedProduct& p, const A* a, ZeroPoints<A> zero_points_a, const B* b,
                    ZeroPoints<B> zero_points_b, std::int32_t* out);

}  // namespace lichen::kernels::reference
