// SPDX-License-Identifier: Apache-2.0
// Where and Clip.
#pragma once

#include <array>
#include <span>

#include "kernels/geometry.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {

// The joint shape of three inputs and, for each, how far one step along each axis goes (0 where it is broadcast).
struct Broadcast3 {
  std::array<Index, tensor::kRankMax> dims{};
  std::array<std::array<Index, tensor::kRankMax>, 3> strides{};
  std::size_t rank = 0;
};
[[nodiscard]] Broadcast3 broadcast_of(const std::array<tensor::Shape, 3>& inputs, const tensor::Shape& out);

// condition ? a : b; the condition is bools, as bytes that are 0 or not. T: any unsigned integer, for types of its
// size.
template <typename T>
void where(const Broadcast3& shape, const std::uint8_t* condition, const T* a, const T* b, T* out);

// Not below *min, then not above *max; null: no bound. T: float and the integers that tensors hold.
template <typename T>
void clip(std::span<const T> in, const T* min, const T* max, T* out);

}  // namespace lichen::kernels::reference
