// SPDX-License-Identifier: Apache-2.0
// Quantize, requantize and dequantize. T, In, Out are int8_t, uint8_t or int16_t; requantize
// also brings int32_t to int8_t and int16_t, and int16_t to int32_t.
#pragma once

#include <span>

#include "kernels/reference/affine.hpp"

namespace lichen::kernels::reference {

// round(x / scale) + zero_point, halves away from zero, saturating. NaN gives the zero point.
template <typename T>
void quantize(std::span<const float> in, float scale, std::int32_t zero_point, T* out);

template <typename In, typename Out>
void requantize(std::span<const In> in, std::int32_t in_zero_point, Multiplier m, std::int32_t out_zero_point,
                Out* out);

template <typename T>
void dequantize(std::span<const T> in, float scale, std::int32_t zero_point, float* out);

// One scale and zero point for each of the middle dimension of [outer, channels, inner].
template <typename T>
void dequantize_channels(Index outer, Index channels, Index inner, const T* in, const float* scales,
                         const std::int32_t* zero_points, float* out);

// As ONNX has it: round(x / scale) + zero_point, halves to even, saturating.
template <typename T>
void quantize_even(std::span<const float> in, Affine to, T* out);
template <typename In, typename Out>
void requantize_even(std::span<const In> in, Affine from, Affine to, Out* out);

}  // namespace lichen::kernels::reference
