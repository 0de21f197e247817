// SPDX-License-Identifier: Apache-2.0
// 1 / sqrt(x) in fixed point, by Newton-Raphson: the bits of LiteRT's integer L2 and layer normalizations depend on it.
#pragma once

#include "kernels/fixed_point.hpp"

namespace lichen::kernels::reference {

// Of x >= 0, as a multiplier with shift <= 0; 0 and 1 give (nearly) 1.
[[nodiscard]] Multiplier inverse_sqrt(std::int32_t x);

}  // namespace lichen::kernels::reference
