// SPDX-License-Identifier: Apache-2.0
// Convolutions and fully connected layers for AVX-512 with VNNI: tiles of 12 pixels by 2 panels (kernels/panels.hpp).
// Integers are exact: vpdpbusd multiplies u8 by i8 and adds up in i32 without saturating. Call only where
// CpuFeatures::avx512_vnni is set.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::avx512 {

// Weights and bias are rounded up to 16 channels. out: a row of units a pixel, of which `part` is written. The sums of a pixel
// are the same whatever the part; where the grid has one pixel, parts of channels begin at multiples of kUnitsTogether.
inline constexpr Index kUnitsTogether = 64;
void conv2d_f32(const PixelGrid& grid, const PatternView& pattern, const float* image, const float* packed,
                const float* bias, Index units, const Part& part, FloatRange range, Rows<float> out);

// What the byte kernel knows of PackedBytes and of what follows the sums. It computes with unsigned inputs and signed
// outputs; i8 inputs and u8 outputs have their sign bit flipped on the way.
struct BytesView {
  const std::int8_t* weights = nullptr;
  const std::int32_t* lanes = nullptr;
  const std::int32_t* terms = nullptr;  // null, or one addend for each pixel
  MultiplierView once;                  // where sums are rounded once: fully connected layers
  bool by_float = false;                // Requantization::scales
  bool bounded = false;
  bool flip_in = false, flip_out = false;
  std::int32_t out_zero_point = 0;  // minus 128 where flip_out
  IntegerClamp clamp;               // the same
};

// image: never read beyond a pixel's segments. Bit-identical to the reference kernels.
void conv2d_i8(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, const BytesView& packed,
               Index units, const Part& part, Rows<std::uint8_t> out);

// terms[pixel] = factor * (sum of what the pixel reads - less), for the pixels of the part: the third term of
// PackedBytes.
void pixel_terms(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, bool flip_in,
                 const Part& part, std::int32_t factor, std::int32_t less, std::int32_t* terms);

}  // namespace lichen::kernels::avx512
