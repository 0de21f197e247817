// SPDX-License-Identifier: Apache-2.0
// FullyConnected in plain C++. Weights [units, depth], bias may be null. Integers are rounded once, unlike in
// convolutions: that is what LiteRT does.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

void fully_connected(const MatrixSize& m, const float* in, const float* weights, const float* bias, FloatRange range,
                     float* out);

// T is int8_t or uint8_t.
template <typename T>
void fully_connected(const MatrixSize& m, const T* in, const T* weights, const std::int32_t* bias,
                     const Requantization& q, T* out);

// 16 bits by 8: LiteRT brings the sum to the output's scale in double and rounds it, halves away from zero. One scale a
// unit; zero points are 0. Sum, the bias's type, is int32_t or int64_t.
template <typename Sum>
void fully_connected(const MatrixSize& m, const std::int16_t* in, const std::int8_t* weights, const Sum* bias,
                     std::span<const double> scales, IntegerClamp clamp, std::int16_t* out);

}  // namespace lichen::kernels::reference
