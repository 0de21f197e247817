// SPDX-License-Identifier: Apache-2.0
// Copies inputs into the padded image that vector kernels read (kernels/panels.hpp).
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::avx2 {

// Rows [row_begin, row_end) of all padded rows of all images are written. to: image.elements(batch) floats.
void pad_image(const Window2D& w, const PaddedImage& image, const float* in, Index row_begin, Index row_end, float* to);

// The same for bytes, with `zero_point` around them.
void pad_bytes(const Window2D& w, const PaddedImage& image, const std::uint8_t* in, std::uint8_t zero_point,
               Index row_begin, Index row_end, std::uint8_t* to);

// to: image.elements(batch) + 2 values, each stored value minus the zero point; whoever writes the last row writes the
// two zeros. T is int8_t or uint8_t.
template <typename T>
void widen_image(const Window2D& w, const PaddedImage& image, const T* in, std::int32_t zero_point, Index row_begin,
                 Index row_end, std::int16_t* to);

// The same for a plain row of `count` values, followed by two zeros.
template <typename T>
void widen(const T* in, Index count, std::int32_t zero_point, std::int16_t* to);

}  // namespace lichen::kernels::avx2
