// SPDX-License-Identifier: Apache-2.0
// AveragePool2D and MaxPool2D for AVX-512, equal to the reference kernels bit for bit. Of the output, rows
// [row_begin, row_end) of all rows of all images are written. Only positions inside of the image count.
#pragma once

#include "kernels/geometry.hpp"
#include "kernels/reference/pool.hpp"

namespace lichen::kernels::avx512 {

void average_pool2d(const Window2D& w, const float* in, FloatRange range, Index row_begin, Index row_end, float* out);
void max_pool2d(const Window2D& w, const float* in, FloatRange range, Index row_begin, Index row_end, float* out);

// Averages of at most kAverageMax values: their sums divide exactly in f32. T is int8_t or uint8_t.
inline constexpr Index kAverageMax = Index{1} << 15;
template <typename T>
void average_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, Index row_begin, Index row_end, T* out);
// Rounded as ONNX does it. Windows of at most kAverageMax values too.
template <typename T>
void average_pool2d_even(const Window2D& w, const T* in, const reference::AverageEven& q, Index row_begin,
                         Index row_end, T* out);
template <typename T>
void max_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, Index row_begin, Index row_end, T* out);

}  // namespace lichen::kernels::avx512
