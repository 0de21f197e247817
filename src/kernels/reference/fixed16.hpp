// SPDX-License-Identifier: Apache-2.0
// gemmlowp's logistic function and hyperbolic tangent of 16-bit fixed-point numbers (fixedpoint/fixedpoint.h), which the
// gates of LiteRT's integer LSTM are made of. "q3.12" has 3 bits before the point.
#pragma once

#include <cstdint>

namespace lichen::kernels::reference {

// q3.12 -> q0.15.
[[nodiscard]] std::int16_t logistic16(std::int16_t x);
// `integer_bits` (0 to 6) before the point -> q0.15.
[[nodiscard]] std::int16_t tanh16(std::int16_t x, int integer_bits);

}  // namespace lichen::kernels::reference
