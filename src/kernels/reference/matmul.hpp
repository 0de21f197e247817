// SPDX-License-Identifier: Apache-2.0
// Products of two matrices that are both computed while the model runs: out[rows, columns] = a * b, row-major.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

struct ProductSize {
  Index rows = 1, columns = 1, depth = 1;
  bool transpose_a = false;  // a is [depth, rows]
  bool transpose_b = false;  // b is [columns, depth]

  [[nodiscard]] Index a_row() const { return transpose_a ? 1 : depth; }
  [[nodiscard]] Index a_step() const { return transpose_a ? rows : 1; }
  [[nodiscard]] Index b_row() const { return transpose_b ? 1 : columns; }
  [[nodiscard]] Index b_step() const { return transpose_b ? depth : 1; }
};

// Rows [row_begin, row_end). b is [depth, columns] here: transpose it first where it is not.
void matmul(const ProductSize& s, const float* a, const float* b, Index row_begin, Index row_end, float* out);
// b [columns, depth] -> [depth, columns].
void transpose_right(const ProductSize& s, const float* b, float* to);

// T is int32_t or int64_t: modulo 2^bits.
template <typename T>
void matmul_integers(const ProductSize& s, const T* a, const T* b, T* out);

// T is int8_t or uint8_t. One multiplier (or scale) for all columns, or one each.
template <typename T>
void matmul_quantized(const ProductSize& s, const T* a, const T* b, const Requantization& q, T* out);

}  // namespace lichen::kernels::reference
