// SPDX-License-Identifier: Apache-2.0
// Reductions over axes, places of extremes, running sums, the k best.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "kernels/geometry.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {

// Dimensions and strides of the axes before the last run: those that stay and those that are reduced. The last run (the
// last axis, joined with those before it that share its fate) is `length` elements side by side.
struct Reduction {
  struct Axes {
    std::array<Index, tensor::kRankMax> dims{};
    std::array<Index, tensor::kRankMax> strides{};
    std::size_t rank = 0;
    [[nodiscard]] Index count() const {
      Index product = 1;
      for (std::size_t i = 0; i < rank; ++i) product *= dims[i];
      return product;
    }
  };
  Axes kept, reduced;
  Index length = 1;
  bool reduces_last = true;
  [[nodiscard]] Index outputs() const { return kept.count() * (reduces_last ? 1 : length); }
  [[nodiscard]] Index elements_each() const { return reduced.count() * (reduces_last ? length : 1); }
};
[[nodiscard]] Reduction reduction_of(const tensor::Shape& in, std::span<const bool> reduced);

// Bytes of scratch that any function below needs.
[[nodiscard]] std::size_t reduction_scratch_bytes(const Reduction& r);

// T: float, int8_t, uint8_t, int16_t, int32_t, int64_t. Reals are summed in double, integers in 64 bits that wrap.
template <typename T>
using Reduce = void (*)(const Reduction& r, const T* in, std::byte* scratch, T* out);
// By the op's name ("ReduceMean"); null: no such function.
template <typename T>
[[nodiscard]] Reduce<T> reduce(std::string_view op);
template <>
[[nodiscard]] Reduce<float> reduce<float>(std::string_view op);
// Of bools, as bytes that are 0 or not: ReduceAll and ReduceMin, ReduceAny and ReduceMax.
[[nodiscard]] Reduce<std::uint8_t> reduce_bools(std::string_view op);

// Sums of quantized values as LiteRT brings them to the output's scale; a mean's multiplier holds 1 / elements_each().
struct SumQuantized {
  std::int32_t zero_point_in = 0, zero_point_out = 0;
  Multiplier multiplier;
};
template <typename T>
void reduce_sum(const Reduction& r, const T* in, const SumQuantized& q, std::byte* scratch, T* out);

// A tensor as [outer, axis, inner].
struct AxisView {
  Index outer = 1, axis = 1, inner = 1;
};
[[nodiscard]] AxisView axis_view(const tensor::Shape& shape, std::size_t axis);

// The place of the largest or smallest along the axis; `last`: of equal ones the last. To: int32_t, int64_t.
template <typename T, typename To>
void arg_extreme(const AxisView& v, bool largest, bool last, const T* in, To* out);

template <typename T>
void cumulative_sum(const AxisView& v, bool exclusive, bool reverse, const T* in, T* out);

// The k largest or smallest along the axis, best first, of equal ones the first; NaN counts as larger than all.
// Scratch: v.axis of int32_t. Either output may be null.
template <typename T, typename To>
void top_k(const AxisView& v, Index k, bool largest, const T* in, std::int32_t* scratch, T* values, To* places);

}  // namespace lichen::kernels::reference
