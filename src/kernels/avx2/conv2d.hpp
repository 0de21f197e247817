// SPDX-License-Identifier: Apache-2.0
// Convolutions and fully connected layers for AVX2 and FMA: 6 x 16 tiles over packed panels (kernels/panels.hpp).
// f32: fused multiply-adds. Integers: exact, i16 pairs by vpmaddwd, bit-identical to the reference kernels. Call only
// where CpuFeatures::avx2_fma is set.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::avx2 {

// Weights and bias are rounded up to 8 channels. out: a row of units a pixel, of which `part` is written.
// Parts of pixels begin at multiples of kPixelsTogether.
inline constexpr Index kPixelsTogether = 6;
void conv2d_f32(const PixelGrid& grid, const PatternView& pattern, const float* image, const float* packed,
                const float* bias, Index units, const Part& part, FloatRange range, Rows<float> out);

// The image holds stored values minus their zero point, two elements of slack at its end. T is int8_t or uint8_t.
template <typename T>
void conv2d_i16(const PixelGrid& grid, const PatternView& pattern, const std::int16_t* image,
                const std::int16_t* packed, Index units, const Part& part, const IntegerOutput& output, Rows<T> out);

// Hybrid: out = sum * scales[image] + bias.
void conv2d_hybrid(const PixelGrid& grid, const PatternView& pattern, const std::int16_t* image,
                   const std::int16_t* packed, Index units, const Part& part, const float* scales, const float* bias,
                   FloatRange range, float* out);

}  // namespace lichen::kernels::avx2
