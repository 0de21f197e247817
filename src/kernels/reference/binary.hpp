// SPDX-License-Identifier: Apache-2.0
// Ops on the elements of two tensors that broadcast against each other. Functions are found by the op's name ("Sub")
// when a model is planned; what the ops compute is defined in graph/ops/op.hpp.
#pragma once

#include <array>
#include <string_view>

#include "kernels/reference/affine.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {

// The joint shape and, for each input, how far one step along each axis goes (0 where it is broadcast). Axes along
// which both inputs go on as if they were one axis are one, and axes of one element are left out; rank is at least 1.
struct Broadcast {
  std::array<Index, tensor::kRankMax> dims{};
  std::array<Index, tensor::kRankMax> strides_a{};
  std::array<Index, tensor::kRankMax> strides_b{};
  std::size_t rank = 0;
  bool plain = false;  // equal shapes: element i goes with element i

  [[nodiscard]] Index elements() const {
    Index count = 1;
    for (std::size_t i = 0; i < rank; ++i) count *= dims[i];
    return count;
  }
};
[[nodiscard]] Broadcast broadcast_of(const tensor::Shape& a, const tensor::Shape& b, const tensor::Shape& out);
// Two tensors of one shape.
[[nodiscard]] Broadcast plain_broadcast(Index count);

using BinaryF32 = void (*)(const Broadcast& shape, const float* a, const float* b, FloatRange range, float* out);
template <typename T>
using BinaryInteger = void (*)(const Broadcast& shape, const T* a, const T* b, T* out);
template <typename T>
using Comparison = void (*)(const Broadcast& shape, const T* a, const T* b, bool* out);

// Null: no such function.
[[nodiscard]] BinaryF32 binary_f32(std::string_view op);
// Plain integers wrap; what is divided by 0 gives 0; negative shifts, and those by all bits or more, shift everything
// out. T: int8_t, uint8_t, int16_t, int32_t, int64_t.
template <typename T>
[[nodiscard]] BinaryInteger<T> binary_integer(std::string_view op);
// T: the same and float.
template <typename T>
[[nodiscard]] Comparison<T> comparison(std::string_view op);
template <>
[[nodiscard]] Comparison<float> comparison<float>(std::string_view op);
// Of bools, as bytes that are 0 or not.
[[nodiscard]] Comparison<std::uint8_t> logical(std::string_view op);

// Base and exponent of two types, of float, int32_t and int64_t; computed in double, truncated to the base's type.
template <typename A, typename B>
void pow(const Broadcast& shape, const A* a, const B* b, A* out);

// Quantized inputs brought to reals, a few at a time, and the result back. T: int8_t, uint8_t, int16_t.
struct PairAffine {
  Affine a, b, out;
  Rounding rounding = Rounding::kAwayFromZero;
};
template <typename T>
void binary_by_reals(const Broadcast& shape, const T* a, const T* b, BinaryF32 function, FloatRange range,
                     const PairAffine& q, T* out);
template <typename T>
void comparison_by_reals(const Broadcast& shape, const T* a, const T* b, Comparison<float> function,
                         const PairAffine& q, bool* out);

}  // namespace lichen::kernels::reference
