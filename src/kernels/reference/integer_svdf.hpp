// SPDX-License-Identifier: Apache-2.0
// TFLite's SVDF of i8 with an i16 state, bit for bit as LiteRT's reference kernel.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

struct IntegerSvdf {
  Index batch = 1, in = 0, filters = 0, memory = 0, rank = 1;
  std::int32_t in_zero_point = 0, out_zero_point = 0;
  Multiplier newest, output;  // of sums over the input, and over time
};

// Each filter remembers its last `memory` answers, the newest last; a unit sums the filters of its rank over time.
// `bias` and `out` may be null; `state` [batch, filters, memory] is moved on.
void svdf(const IntegerSvdf& s, const std::int8_t* x, const std::int8_t* features, const std::int16_t* times,
          const std::int32_t* bias, std::int16_t* state, std::int8_t* out);

}  // namespace lichen::kernels::reference
