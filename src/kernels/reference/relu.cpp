// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/relu.hpp"

namespace lichen::kernels::reference {

void clamp(std::span<const float> in, FloatRange range, float* out) {
  for (const float x : in) *out++ = std::min(std::max(x, range.min), range.max);
}

template <typename T>
void clamp(std::span<const T> in, std::int32_t in_zero_point, Multiplier m, std::int32_t out_zero_point,
           IntegerClamp range, T* out) {
  for (const T x : in) *out++ = requantize<T>(x - in_zero_point, m, out_zero_point, range.min, range.max);
}

template void clamp(std::span<const std::int8_t>, std::int32_t, Multiplier, std::int32_t, IntegerClamp, std::int8_t*);
template void clamp(std::span<const std::uint8_t>, std::int32_t, Multiplier, std::int32_t, IntegerClamp, std::uint8_t*);

}  // namespace lichen::kernels::reference
