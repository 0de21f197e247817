// SPDX-License-Identifier: Apache-2.0
// Values from one type to another. Reals to integers are truncated; NaN gives 0, what does not fit 32 bits (64 of i64)
// the nearest that does, and narrower types take the low bits of that. Integers to narrower ones take the low bits. To
// bool: what is not 0. f32 to f16 rounds halves to even and gives infinity beyond 65504.
#pragma once

#include "kernels/geometry.hpp"
#include "tensor/dtype.hpp"

namespace lichen::kernels::reference {

using Cast = void (*)(const std::byte* in, Index count, std::byte* out);
[[nodiscard]] Cast cast(tensor::DType from, tensor::DType to);

}  // namespace lichen::kernels::reference
