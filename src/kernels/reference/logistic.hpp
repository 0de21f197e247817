// SPDX-License-Identifier: Apache-2.0
// Logistic, 1 / (1 + exp(-x)). Integers go through a table of 256 entries made when the model is planned.
#pragma once

#include <array>
#include <span>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

void logistic(std::span<const float> in, float* out);

using ByteTable = std::array<std::uint8_t, 256>;  // indexed by the input's byte, gives the output's byte

// T is int8_t or uint8_t.
template <typename T>
[[nodiscard]] ByteTable logistic_table(float in_scale, std::int32_t in_zero_point, float out_scale,
                                       std::int32_t out_zero_point);

void look_up(std::span<const std::uint8_t> in, const ByteTable& table, std::uint8_t* out);

}  // namespace lichen::kernels::reference
