// SPDX-License-Identifier: Apache-2.0
// Relu and Relu6 as nodes of their own: a clamp, for integers with a change of scale.
#pragma once

#include <span>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

void clamp(std::span<const float> in, FloatRange range, float* out);

// T is int8_t or uint8_t.
template <typename T>
void clamp(std::span<const T> in, std::int32_t in_zero_point, Multiplier m, std::int32_t out_zero_point,
           IntegerClamp range, T* out);

}  // namespace lichen::kernels::reference
