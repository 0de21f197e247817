// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions with one output channel for each input channel, for AVX-512 with VNNI. They read the input
// itself; weights and what belongs to channels is packed by kernels/depthwise_panels.hpp. Of the output, rows
// [row_begin, row_end) of all rows of all images are written.
#pragma once

#include "kernels/depthwise_panels.hpp"

namespace lichen::kernels::avx512 {

// Packed in blocks of 16. The sum of an output is the same whatever the rows.
void depthwise_conv2d_f32(const Window2D& w, const float* in, const float* packed, const float* bias, FloatRange range,
                          Index row_begin, Index row_end, float* out);

// What the byte kernels know of DepthwiseBytes. They compute with unsigned inputs and signed outputs; i8 inputs and u8
// outputs have their sign bit flipped on the way.
struct DepthwiseView {
  Index channels = 0, block = 0, groups = 0;
  bool twice = false, bounded = false;
  bool by_float = false;  // Requantization::scales
  const std::int8_t* weights = nullptr;
  const std::int32_t* lanes = nullptr;
  bool flip_in = false, flip_out = false;
  std::int32_t out_zero_point = 0;  // minus 128 where flip_out, in the lanes as well
  IntegerClamp clamp;               // the same
};

// Windows of 3 x 3 without dilation, with a horizontal stride of 1 or 2. Groups are columns: taps kx, 3 + kx, 6 + kx.
// zero_row: `channels` stored zero points. Bit-identical to the reference kernels.
void depthwise_3x3(const Window2D& w, const DepthwiseView& d, const std::uint8_t* in, const std::uint8_t* zero_row,
                   Index row_begin, Index row_end, std::uint8_t* out);

// Any window. Groups are taps in order, four at a time. kTapsMax is the largest.
inline constexpr Index kTapsMax = 256;
void depthwise_taps(const Window2D& w, const DepthwiseView& d, const std::uint8_t* in, const std::uint8_t* zero_row,
                    Index row_begin, Index row_end, std::uint8_t* out);

}  // namespace lichen::kernels::avx512
