// SPDX-License-Identifier: Apache-2.0
// DepthwiseConv2D in plain C++. Weights [filter_h, filter_w, out_c]; output channel c reads input channel
// c / (out_c / in_c); bias may be null.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

void depthwise_conv2d(const Window2D& w, const float* in, const float* weights, const float* bias, FloatRange range,
                      float* out);

// T is int8_t or uint8_t.
// Types as those of conv2d.
template <typename T, typename W, typename Sum>
void depthwise_conv2d(const Window2D& w, const T* in, const W* weights, const Sum* bias, const Requantization& q,
                      T* out);

}  // namespace lichen::kernels::reference
