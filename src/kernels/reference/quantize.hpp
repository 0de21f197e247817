// SPDX-License-Identifier: Apache-2.0
// Quantize, requantize and dequantize. T, In, Out are int8_t or uint8_t.
#pragma once

#include <span>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

// round(x / scale) + zero_point, halves away from zero, saturating. NaN gives the zero point.
template <typename T>
void quantize(std::span<const float> in, float scale, std::int32_t zero_point, T* out);

template <typename In, typename Out>
void requantize(std::span<const In> in, std::int32_t in_zero_point, Multiplier m, std::int32_t out_zero_point,
                Out* out);

template <typename T>
void dequantize(std::span<const T> in, float scale, std::int32_t zero_point, float* out);

}  // namespace lichen::kernels::reference
