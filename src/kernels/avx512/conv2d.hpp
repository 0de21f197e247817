// SPDX-License-Identifier: Apache-2.0
// Convolutions and fully connected layers for AVX-512 with VNNI: tiles of 12 pixels by 2 panels (kernels/panels.hpp).
// Integers are exact: vpdpbusd multiplies u8 by i8 and adds up in i32 without saturating. Call only where
// CpuFeatures::avx512_vnni is set.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::avx512 {

// Weights and bias are rounded up to 16 channels. out: [pixels][units], of which `part` is written. The sums of a pixel
// are the same whatever the part; where the grid has one pixel, parts of channels begin at multiples of kUnitsTogether.
inline constexpr Index kUnitsTogether = 64;
void conv2d_f32(const PixelGrid& grid, const PatternView& pattern, const float* image, const float* packed,
                const float* bias, Index units, const Part& part, FloatRange range, float* out);

// How bytes of the image become unsigned.
enum class ImageBytes : std::uint8_t {
  kUnsigned,  // they are
  kSigned,    // 128 is added to each
};

// What the byte kernel knows of PackedBytes and of what follows the sums.
struct BytesView {
  const std::int8_t* weights = nullptr;
  const std::int32_t* lanes = nullptr;
  const std::int32_t* terms = nullptr;  // null, or one addend for each pixel
  MultiplierView once;                  // where sums are rounded once: fully connected layers
  bool bounded = false;
  std::int32_t out_zero_point = 0;
  IntegerClamp clamp;
};

// image: never read beyond a pixel's segments. T is int8_t or uint8_t. Bit-identical to the reference kernels.
template <typename T>
void conv2d_i8(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, ImageBytes bytes,
               const BytesView& packed, Index units, const Part& part, T* out);

// terms[pixel] = factor * (sum of what the pixel reads - less), for the pixels of the part: the third term of
// PackedBytes.
void pixel_terms(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, ImageBytes bytes,
                 const Part& part, std::int32_t factor, std::int32_t less, std::int32_t* terms);

// Copies rows [row_begin, row_end) of all rows of all images into the padded image, as unsigned bytes; outside of the
// input there is `zero_point` (after that).
void pad_bytes(const Window2D& w, const PaddedImage& image, const std::uint8_t* in, ImageBytes bytes,
               std::uint8_t zero_point, Index row_begin, Index row_end, std::uint8_t* to);

}  // namespace lichen::kernels::avx512
