// SPDX-License-Identifier: Apache-2.0
// Convolutions and fully connected layers for NEON, which every arm64 CPU has. Nothing is read beyond a pixel's
// segments. The sums of a pixel are the same whatever the part.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::neon {

// 4 x 16 tiles of fused multiply-adds. Weights (pack_f32) and bias are rounded up to 8 channels. out: a row of units a
// pixel, of which `part` is written; parts of units begin at multiples of kPanel.
void conv2d_f32(const PixelGrid& grid, const PatternView& pattern, const float* image, const float* packed,
                const float* bias, Index units, const Part& part, FloatRange range, Rows<float> out);

// Integers are exact, bit-identical to the reference kernels. The image holds i8; u8 is seen as i8 by taking 128 from
// it and its zero point. output.bias has the terms of the zero points that do not depend on the pixel (dot_panels.hpp);
// `terms` is null, or one addend for each pixel. T is int8_t or uint8_t.
struct BytesView {
  const std::int8_t* image = nullptr;
  const std::int8_t* packed = nullptr;
  const std::int32_t* terms = nullptr;
};
struct HybridOutput {  // out = sum * scales[image] + bias
  const float* scales = nullptr;
  const float* bias = nullptr;  // rounded up to kPanel channels
  FloatRange range;
};

// For any CPU: products of 8 or 16 elements are added up within a vector (pack_dot8). `paired`: two products fit i16.
template <typename T>
void conv2d_i8(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, bool paired, Index units,
               const Part& part, const IntegerOutput& output, Rows<T> out);
void conv2d_hybrid(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, bool paired, Index units,
                   const Part& part, const HybridOutput& output, float* out);

// With the dot product instructions of ARMv8.2 (pack_bytes); call only where CpuFeatures::dotprod is set.
template <typename T>
void conv2d_i8_dot(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, Index units,
                   const Part& part, const IntegerOutput& output, Rows<T> out);
void conv2d_hybrid_dot(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, Index units,
                       const Part& part, const HybridOutput& output, float* out);

// terms[pixel] = factor * (sum of what the pixel reads - less), for the pixels of the part.
void pixel_terms(const PixelGrid& grid, const PatternView& pattern, const std::int8_t* image, const Part& part,
                 std::int32_t factor, std::int32_t less, std::int32_t* terms);

}  // namespace lichen::kernels::neon
