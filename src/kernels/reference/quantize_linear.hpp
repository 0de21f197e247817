// SPDX-License-Identifier: Apache-2.0
// Quantization as ONNX has it: scales and zero points are tensors, halves go to even.
#pragma once

#include "kernels/reference/affine.hpp"

namespace lichen::kernels::reference {

// The input as [outer, axis, inner] and which scale an element has: all the first one; or one for each of the axis; or
// one for each block of `block` of them, for each of outer and inner apart.
struct ScaleMap {
  enum class Kind : std::uint8_t { kOne, kAxis, kBlocks };
  Kind kind = Kind::kOne;
  Index outer = 1, axis = 1, inner = 1, block = 1;
};

// Zero points may be null: 0. In: float, int32_t. Out: int8_t, uint8_t, int16_t.
template <typename In, typename Out>
void quantize_linear(const ScaleMap& map, const In* in, const float* scales, const Out* zero_points, Out* out);
// T: int8_t, uint8_t, int16_t, int32_t.
template <typename T>
void dequantize_linear(const ScaleMap& map, const T* in, const float* scales, const T* zero_points, float* out);

// To u8 by the range of the values and 0.
void dynamic_quantize_linear(Index count, const float* in, std::uint8_t* out, float* scale, std::uint8_t* zero_point);

}  // namespace lichen::kernels::reference
