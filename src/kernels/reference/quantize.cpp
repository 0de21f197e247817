// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/quantize.hpp"

#include <cmath>

namespace lichen::kernels::reference {

template <typename T>
void quantize(std::span<const float> in, float scale, std::int32_t zero_point, T* out) {
  constexpr float kMin = std::numeric_limits<T>::min();
  constexpr float kMax = std::numeric_limits<T>::max();
  for (const float x : in) {
    // Clamped as a float: no conversion of a value that int32 cannot hold. The zero point is exact in a float.
    const float moved = std::round(x / scale) + static_cast<float>(zero_point);
    *out++ = std::isnan(moved) ? static_cast<T>(zero_point) : static_cast<T>(std::clamp(moved, kMin, kMax));
  }
}

template <typename In, typename Out>
void requantize(std::span<const In> in, std::int32_t in_zero_point, Multiplier m, std::int32_t out_zero_point,
                Out* out) {
  constexpr std::int32_t kMin = std::numeric_limits<Out>::min();
  constexpr std::int32_t kMax = std::numeric_limits<Out>::max();
  for (const In x : in) *out++ = kernels::requantize<Out>(x - in_zero_point, m, out_zero_point, kMin, kMax);
}

template <typename T>
void dequantize(std::span<const T> in, float scale, std::int32_t zero_point, float* out) {
  for (const T x : in) *out++ = static_cast<float>(static_cast<double>(scale) * (x - zero_point));
}

template void quantize(std::span<const float>, float, std::int32_t, std::int8_t*);
template void quantize(std::span<const float>, float, std::int32_t, std::uint8_t*);
template void requantize(std::span<const std::int8_t>, std::int32_t, Multiplier, std::int32_t, std::int8_t*);
template void requantize(std::span<const std::int8_t>, std::int32_t, Multiplier, std::int32_t, std::uint8_t*);
template void requantize(std::span<const std::uint8_t>, std::int32_t, Multiplier, std::int32_t, std::int8_t*);
template void requantize(std::span<const std::uint8_t>, std::int32_t, Multiplier, std::int32_t, std::uint8_t*);
template void dequantize(std::span<const std::int8_t>, float, std::int32_t, float*);
template void dequantize(std::span<const std::uint8_t>, float, std::int32_t, float*);

}  // namespace lichen::kernels::reference
