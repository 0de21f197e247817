// SPDX-License-Identifier: Apache-2.0
// Affine quantization: real = scale * (stored - zero_point), one pair for the whole tensor or one for each slice along
// an axis (per channel).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "tensor/spec.hpp"

namespace lichen::tensor {

struct Quantization {
  std::vector<float> scales;              // empty: not quantized; one: per tensor; dims[axis]: per channel
  std::vector<std::int32_t> zero_points;  // as many as scales
  std::size_t axis = 0;                   // meaningful where there is more than one scale

  [[nodiscard]] bool empty() const { return scales.empty(); }
  [[nodiscard]] bool per_channel() const { return scales.size() > 1; }
  // Of channel c; of the whole tensor where there is one pair only. Asserts that the tensor is quantized.
  [[nodiscard]] float scale(std::size_t c = 0) const;
  [[nodiscard]] std::int32_t zero_point(std::size_t c = 0) const;

  friend bool operator==(const Quantization&, const Quantization&) = default;
};

[[nodiscard]] Quantization per_tensor(float scale, std::int32_t zero_point);

// Scales finite and above 0, zero points within the dtype, as many of each as the axis has slices.
[[nodiscard]] Result<void> check(const Quantization& quantization, DType dtype, const Shape& shape,
                                 std::string_view where);

// The smallest and largest value of an integer dtype that quantization uses (i8, u8, i16, i32).
struct IntegerRange {
  std::int32_t min = 0;
  std::int32_t max = 0;
};
[[nodiscard]] IntegerRange range_of(DType dtype);

}  // namespace lichen::tensor
