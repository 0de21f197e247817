// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/matmul.hpp"

#include <array>
#include <type_traits>

namespace lichen::kernels::reference {
namespace {

constexpr Index kRowsAtOnce = 4;
constexpr Index kColumnsAtOnce = 32;

// A tile of kRowsAtOnce by kColumnsAtOnce sums that stay in registers and cache; fixed bounds, so that it vectorizes.
void tile(const ProductSize& s, const float* a, const float* b, Index row, Index column, float* out) {
  std::array<std::array<float, kColumnsAtOnce>, kRowsAtOnce> sums{};
  for (Index k = 0; k < s.depth; ++k) {
    const float* right = b + k * s.columns + column;
    for (Index r = 0; r < kRowsAtOnce; ++r) {
      const float left = a[(row + r) * s.a_row() + k * s.a_step()];
      auto& sum = sums[static_cast<std::size_t>(r)];
      for (Index c = 0; c < kColumnsAtOnce; ++c) sum[static_cast<std::size_t>(c)] += left * right[c];
    }
  }
  for (Index r = 0; r < kRowsAtOnce; ++r)
    std::copy_n(sums[static_cast<std::size_t>(r)].data(), kColumnsAtOnce, out + (row + r) * s.columns + column);
}

// The same of any part, for the edges.
void edge(const ProductSize& s, const float* a, const float* b, Index row, Index rows, Index column, Index columns,
          float* out) {
  std::array<float, kColumnsAtOnce> sums;
  for (Index r = row; r < row + rows; ++r) {
    sums.fill(0.0F);
    for (Index k = 0; k < s.depth; ++k) {
      const float left = a[r * s.a_row() + k * s.a_step()];
      const float* right = b + k * s.columns + column;
      for (Index c = 0; c < columns; ++c) sums[static_cast<std::size_t>(c)] += left * right[c];
    }
    std::copy_n(sums.data(), columns, out + r * s.columns + column);
  }
}

}  // namespace

void matmul(const ProductSize& s, const float* a, const float* b, Index row_begin, Index row_end, float* out) {
  for (Index row = row_begin; row < row_end; row += kRowsAtOnce) {
    const Index rows = std::min(kRowsAtOnce, row_end - row);
    for (Index column = 0; column < s.columns; column += kColumnsAtOnce) {
      const Index columns = std::min(kColumnsAtOnce, s.columns - column);
      if (rows == kRowsAtOnce && columns == kColumnsAtOnce) {
        tile(s, a, b, row, column, out);
      } else {
        edge(s, a, b, row, rows, column, columns, out);
      }
    }
  }
}

void transpose_right(const ProductSize& s, const float* b, float* to) {
  for (Index c = 0; c < s.columns; ++c) {
    for (Index k = 0; k < s.depth; ++k) to[k * s.columns + c] = b[c * s.depth + k];
  }
}

template <typename T>
void matmul_integers(const ProductSize& s, const T* a, const T* b, T* out) {
  using Wrapping = std::make_unsigned_t<T>;
  for (Index r = 0; r < s.rows; ++r) {
    for (Index c = 0; c < s.columns; ++c) {
      Wrapping sum = 0;
      for (Index k = 0; k < s.depth; ++k) {
        sum += static_cast<Wrapping>(a[r * s.a_row() + k * s.a_step()]) *
               static_cast<Wrapping>(b[k * s.b_row() + c * s.b_step()]);
      }
      out[r * s.columns + c] = static_cast<T>(sum);
    }
  }
}

template <typename T>
void matmul_quantized(const ProductSize& s, const T* a, const T* b, const Requantization& q, T* out) {
  for (Index r = 0; r < s.rows; ++r) {
    for (Index c = 0; c < s.columns; ++c) {
      std::int32_t sum = 0;
      for (Index k = 0; k < s.depth; ++k) {
        sum = wrapping_add(sum, (a[r * s.a_row() + k * s.a_step()] - q.in_zero_point) *
                                    (b[k * s.b_row() + c * s.b_step()] - q.weights_zero_point));
      }
      out[r * s.columns + c] = q.stored<T>(sum, c);
    }
  }
}

template void matmul_integers(const ProductSize&, const std::int32_t*, const std::int32_t*, std::int32_t*);
template void matmul_integers(const ProductSize&, const std::int64_t*, const std::int64_t*, std::int64_t*);
template void matmul_quantized(const ProductSize&, const std::int8_t*, const std::int8_t*, const Requantization&,
                               std::int8_t*);
template void matmul_quantized(const ProductSize&, const std::uint8_t*, const std::uint8_t*, const Requantization&,
                               std::uint8_t*);

}  // namespace lichen::kernels::reference
