// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions with one output channel for each input channel, for NEON. They read the input itself, without
// a padded copy, and nothing beyond it. Output rows [row_begin, row_end) of all rows of all images are written.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::neon {

inline constexpr Index kFloatBlock = 8;

// packed: pack_depthwise_f32 with blocks of kFloatBlock channels; bias is rounded up to that.
void depthwise_conv2d_f32(const Window2D& w, const float* in, const float* packed, const float* bias, FloatRange range,
                          Index row_begin, Index row_end, float* out);

// Bit-identical to the reference kernel. packed: pack_depthwise_words; bias and multipliers are rounded up to its
// blocks. T is int8_t or uint8_t.
template <typename T>
void depthwise_conv2d_i16(const Window2D& w, const T* in, std::int32_t in_zero_point, const std::int16_t* packed,
                          const IntegerOutput& output, Index row_begin, Index row_end, T* out);

}  // namespace lichen::kernels::neon
