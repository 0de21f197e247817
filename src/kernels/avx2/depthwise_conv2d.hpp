// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions with one output channel for each input channel, for AVX2 and FMA. The image's pixels are
// rounded up to 8 (f32) or 16 (i16) channels; weights, bias and multipliers are packed by kernels/depthwise_panels.hpp.
#pragma once

#include "kernels/avx2/conv2d.hpp"
#include "kernels/panels.hpp"

namespace lichen::kernels::avx2 {

// taps: the pattern with segments of one tap. out: [pixels][channels].
void depthwise_conv2d_f32(const PixelGrid& grid, const PatternView& taps, const float* image, const float* packed,
                          const float* bias, Index channels, FloatRange range, float* out);

// Bit-identical to the reference kernel. T is int8_t or uint8_t.
template <typename T>
void depthwise_conv2d_i16(const PixelGrid& grid, const PatternView& taps, const std::int16_t* image,
                          const std::int16_t* packed, Index channels, const IntegerOutput& output, T* out);

}  // namespace lichen::kernels::avx2
