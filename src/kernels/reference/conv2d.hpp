// SPDX-License-Identifier: Apache-2.0
// Conv2D in plain C++: the oracle, and the last resort. Weights [out_c, filter_h, filter_w, in_c], bias may be null.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

void conv2d(const Window2D& w, const float* in, const float* weights, const float* bias, FloatRange range, float* out);

// T is int8_t or uint8_t.
template <typename T>
void conv2d(const Window2D& w, const T* in, const T* weights, const std::int32_t* bias, const Requantization& q, T* out);

}  // namespace lichen::kernels::reference
