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

}  // namespace lichen::kernels::reference
