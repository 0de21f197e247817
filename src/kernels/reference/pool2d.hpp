// SPDX-License-Identifier: Apache-2.0
// AveragePool2D and MaxPool2D. Only positions inside of the image count. Integer averages round half away from zero,
// as LiteRT's reference kernels do. T is float, int8_t or uint8_t; in_c == out_c.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

void average_pool2d(const Window2D& w, const float* in, FloatRange range, float* out);
template <typename T>
void average_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, T* out);

void max_pool2d(const Window2D& w, const float* in, FloatRange range, float* out);
template <typename T>
void max_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, T* out);

}  // namespace lichen::kernels::reference
