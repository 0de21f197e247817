// SPDX-License-Identifier: Apache-2.0
// Add of two tensors of one shape for AVX2, bit-identical to the reference kernel. T is int8_t or uint8_t.
#pragma once

#include "kernels/reference/binary_fixed.hpp"

namespace lichen::kernels::avx2 {

template <typename T>
void add(Index count, const T* a, const T* b, const reference::AddQuantized& q, T* out);

}  // namespace lichen::kernels::avx2
