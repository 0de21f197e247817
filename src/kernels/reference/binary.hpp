// SPDX-License-Identifier: Apache-2.0
// Add and Mul of two inputs that broadcast against each other.
#pragma once

#include <array>

#include "kernels/geometry.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {

// The joint shape and, for each input, how far one step along each axis goes (0 where it is broadcast).
struct Broadcast {
  std::array<Index, tensor::kRankMax> dims{};
  std::array<Index, tensor::kRankMax> strides_a{};
  std::array<Index, tensor::kRankMax> strides_b{};
  std::size_t rank = 0;
  bool plain = false;  // equal shapes: element i goes with element i
};
[[nodiscard]] Broadcast broadcast_of(const tensor::Shape& a, const tensor::Shape& b, const tensor::Shape& out);

void add(const Broadcast& shape, const float* a, const float* b, FloatRange range, float* out);
void mul(const Broadcast& shape, const float* a, const float* b, FloatRange range, float* out);

// Inputs are shifted left by 20 bits and brought to twice the larger scale before they are added.
struct AddQuantized {
  std::int32_t zero_point_a = 0, zero_point_b = 0, zero_point_out = 0;
  Multiplier multiplier_a, multiplier_b, multiplier_out;
  IntegerClamp clamp;
};
inline constexpr int kAddLeftShift = 20;

struct MulQuantized {
  std::int32_t zero_point_a = 0, zero_point_b = 0, zero_point_out = 0;
  Multiplier multiplier;
  IntegerClamp clamp;
};

// T is int8_t or uint8_t.
template <typename T>
void add(const Broadcast& shape, const T* a, const T* b, const AddQuantized& q, T* out);
template <typename T>
void mul(const Broadcast& shape, const T* a, const T* b, const MulQuantized& q, T* out);

}  // namespace lichen::kernels::reference
