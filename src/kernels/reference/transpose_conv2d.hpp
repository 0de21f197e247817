// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions in plain C++: each input pixel adds to the output pixels that its window covers. `w` is the
// geometry of that window over the output: input pixel (y, x) adds to rows y * stride_h - pad_h + ky * dilation_h.
// Weights [out_c, filter_h, filter_w, in_c / groups]; bias may be null.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

void transpose_conv2d(const Window2D& w, const float* in, const float* weights, const float* bias, FloatRange range,
                      float* out);

// Types as those of conv2d. `sums`: scratch, one an output element of one image.
template <typename T, typename W, typename Sum>
void transpose_conv2d(const Window2D& w, const T* in, const W* weights, const Sum* bias, const Requantization& q,
                      Sum* sums, T* out);

// The parts of it for those who multiply by themselves (without groups). Every output pixel starts as the bias;
void transpose_conv2d_start(const Window2D& w, const float* bias, float* out);
// row y of image n adds its products [in_w][filter_h][filter_w][out_c];
void transpose_conv2d_add_row(const Window2D& w, Index n, Index y, const float* products, float* out);
// and the whole is clamped.
void transpose_conv2d_finish(const Window2D& w, FloatRange range, float* out);

}  // namespace lichen::kernels::reference
