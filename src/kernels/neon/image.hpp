// SPDX-License-Identifier: Apache-2.0
// Copies inputs into the padded image that vector kernels read (kernels/panels.hpp). Rows [row_begin, row_end) of all
// padded rows of all images are written.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::neon {

// to: image.elements(batch) floats.
void pad_image(const Window2D& w, const PaddedImage& image, const float* in, Index row_begin, Index row_end, float* to);

// As i8, u8 by taking 128 from it; `zero_point` (after that) where the window leaves the input. T is int8_t or uint8_t.
template <typename T>
void pad_bytes(const Window2D& w, const PaddedImage& image, const T* in, std::int8_t zero_point, Index row_begin,
               Index row_end, std::int8_t* to);

}  // namespace lichen::kernels::neon
