// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/logistic.hpp"

#include <cmath>

namespace lichen::kernels::reference {

void logistic(std::span<const float> in, float* out) {
  for (const float x : in) *out++ = 1.0F / (1.0F + std::exp(-x));
}

template <typename T>
ByteTable logistic_table(float in_scale, std::int32_t in_zero_point, float out_scale, std::int32_t out_zero_point) {
  ByteTable table{};
  for (std::int32_t v = std::numeric_limits<T>::min(); v <= std::numeric_limits<T>::max(); ++v) {
    const float real = in_scale * static_cast<float>(v - in_zero_point);
    const float stored = std::round((1.0F / (1.0F + std::exp(-real))) / out_scale) + static_cast<float>(out_zero_point);
    const auto clamped =
        static_cast<T>(std::clamp(stored, float{std::numeric_limits<T>::min()}, float{std::numeric_limits<T>::max()}));
    table[static_cast<std::uint8_t>(v)] = static_cast<std::uint8_t>(clamped);
  }
  return table;
}

template ByteTable logistic_table<std::int8_t>(float, std::int32_t, float, std::int32_t);
template ByteTable logistic_table<std::uint8_t>(float, std::int32_t, float, std::int32_t);

void look_up(std::span<const std::uint8_t> in, const ByteTable& table, std::uint8_t* out) {
  for (const std::uint8_t x : in) *out++ = table[x];
}

}  // namespace lichen::kernels::reference
