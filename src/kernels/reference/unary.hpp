// SPDX-License-Identifier: Apache-2.0
// Ops on every element of one tensor. Functions are found by the op's name ("Tanh") when a model is planned; what the
// ops compute is defined in graph/ops/op.hpp.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

struct UnaryParameters {
  float alpha = 0.0F;
  float beta = 0.0F;
};

using UnaryF32 = void (*)(std::span<const float> in, UnaryParameters p, float* out);
template <typename T>
using UnaryInteger = void (*)(std::span<const T> in, UnaryParameters p, T* out);
using UnaryTest = void (*)(std::span<const float> in, UnaryParameters p, bool* out);

// Null: no such function.
[[nodiscard]] UnaryF32 unary_f32(std::string_view op);
// Of plain integers, which wrap. T: int8_t, uint8_t, int16_t, int32_t, int64_t.
template <typename T>
[[nodiscard]] UnaryInteger<T> unary_integer(std::string_view op);
[[nodiscard]] UnaryTest unary_test(std::string_view op);  // IsInf, IsNan

void logical_not(std::span<const std::uint8_t> in, bool* out);  // of bools, as bytes that are 0 or not

using ByteTable = std::array<std::uint8_t, 256>;  // indexed by the input's byte, gives the output's byte
void look_up(std::span<const std::uint8_t> in, const ByteTable& table, std::uint8_t* out);
using LookUp = decltype(&look_up);

}  // namespace lichen::kernels::reference
