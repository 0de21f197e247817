// SPDX-License-Identifier: Apache-2.0
// Convolutions of volumes in plain C++. Weights [out_c, depth, height, width, in_c / groups]; bias may be null.
#pragma once

#include "kernels/reference/pool.hpp"

namespace lichen::kernels::reference {

void conv3d(const Window3D& w, Index groups, const float* in, const float* weights, const float* bias, FloatRange range,
            Rows rows, float* out);

}  // namespace lichen::kernels::reference
