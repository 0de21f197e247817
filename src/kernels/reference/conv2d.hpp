// SPDX-License-Identifier: Apache-2.0
// Conv2D in plain C++: the oracle, and the last resort. Weights [out_c, filter_h, filter_w, in_c], bias may be null.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

void conv2d(const Window2D& w, const float* in, const float* weights, const float* bias, FloatRange range, float* out);

// Bytes: T and W are int8_t or uint8_t, Sum is int32_t. 16 bits: T is int16_t, W int8_t, Sum int32_t or int64_t.
template <typename T, typename W, typename Sum>
void conv2d(const Window2D& w, const T* in, const W* weights, const Sum* bias, const Requantization& q, T* out);

// Hybrid: the image is quantized to i8 around 0 (one scale an image, as LiteRT's hybrid convolution), multiplied in
// integers, and scaled back. `quantized` is scratch for one image.
void conv2d_hybrid(const Window2D& w, const float* in, const std::int8_t* weights, float weights_scale,
                   const float* bias, FloatRange range, std::int8_t* quantized, float* out);

// round(x / scale) with scale = max|x| / 127; returns the scale (1 where all is 0).
float quantize_symmetric(const float* in, Index count, std::int8_t* out);

}  // namespace lichen::kernels::reference
