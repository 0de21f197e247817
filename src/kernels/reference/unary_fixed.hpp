// SPDX-License-Identifier: Apache-2.0
// Ops on one quantized element in the integer arithmetic of LiteRT's reference kernels, for those that do not go
// through a table of reals. x is a stored value minus its zero point; results are before the output's zero point and
// clamp.
#pragma once

#include "kernels/fixed_point.hpp"

namespace lichen::kernels::reference {

struct LeakyReluFixed {
  Multiplier identity;  // in scale / out scale
  Multiplier alpha;     // the same, times alpha
};
[[nodiscard]] std::int32_t leaky_relu_fixed(std::int32_t x, const LeakyReluFixed& q);

// x * relu6(x + 3) / 6 in 16 bits: x in steps of 1/128 of the input's, and its relu6 part where 32768 stands for 3.
struct HardSwishFixed {
  std::int16_t reluish = 0;
  int reluish_exponent = 0;
  std::int16_t out = 0;
  int out_exponent = 0;
};
[[nodiscard]] Result<HardSwishFixed> hard_swish_of(float in_scale, float out_scale);
[[nodiscard]] std::int32_t hard_swish_fixed(std::int32_t x, const HardSwishFixed& q);

}  // namespace lichen::kernels::reference
