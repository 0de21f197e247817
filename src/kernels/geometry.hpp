// SPDX-License-Identifier: Apache-2.0
// What a kernel must know of its node: sizes, and how results are rounded and clamped. Plain numbers; a kernel trusts
// them, because graph::verify() and the engine made them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "kernels/fixed_point.hpp"

namespace lichen::kernels {

using Index = std::ptrdiff_t;

// Convolutions and poolings, NHWC. Window position (oy, ox) reads rows oy * stride_h - pad_h + ky * dilation_h.
struct Window2D {
  Index batch = 1;
  Index in_h = 1, in_w = 1, in_c = 1;
  Index out_h = 1, out_w = 1, out_c = 1;
  Index filter_h = 1, filter_w = 1;
  Index stride_h = 1, stride_w = 1;
  Index dilation_h = 1, dilation_w = 1;
  Index pad_h = 0, pad_w = 0;  // before the first row and column
  Index groups = 1;            // of convolutions: in_c and out_c are divided into so many, apart from each other
};

// The same over volumes, [n, depth, height, width, c]; images have a depth of 1.
struct Window3D {
  using Triple = std::array<Index, 3>;
  Index batch = 1;
  Index in_c = 1, out_c = 1;
  Triple in{1, 1, 1}, out{1, 1, 1}, filter{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1};
  Triple pad{0, 0, 0};        // before the first
  Triple pad_after{0, 0, 0};  // after the last: of averages that count padding
};

struct MatrixSize {  // out[rows, units] = in[rows, depth] * weights[units, depth]^T
  Index rows = 1;
  Index units = 1;
  Index depth = 1;
};

struct FloatRange {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();
};

struct IntegerClamp {
  std::int32_t min = 0;
  std::int32_t max = 0;
};

// Integer convolutions and fully connected layers: out = clamp(out_zero_point + multipliers[channel] * sum), in fixed
// point; or with `scales` in their place in float, halves to even (graph::IntegerRounding::kNearestEven).
struct Requantization {
  std::int32_t in_zero_point = 0;
  std::int32_t weights_zero_point = 0;
  std::int32_t out_zero_point = 0;
  IntegerClamp clamp;
  std::span<const Multiplier> multipliers;  // one an output channel, or none
  std::span<const float> scales;            // the same

  // Of a sum of `channel`, rounded twice as convolutions are, or once as fully connected layers are.
  template <typename T>
  [[nodiscard]] T stored(std::int32_t sum, Index channel) const {
    const auto c = static_cast<std::size_t>(channel);
    if (!scales.empty()) return requantize_nearest_even<T>(sum, scales[c], out_zero_point, clamp.min, clamp.max);
    return requantize<T>(sum, multipliers[c], out_zero_point, clamp.min, clamp.max);
  }
  template <typename T>
  [[nodiscard]] T stored_rounding_once(std::int32_t sum, Index channel) const {
    const auto c = static_cast<std::size_t>(channel);
    if (!scales.empty()) return requantize_nearest_even<T>(sum, scales[c], out_zero_point, clamp.min, clamp.max);
    return requantize_rounding_once<T>(sum, multipliers[c], out_zero_point, clamp.min, clamp.max);
  }
};

// Does input row or column `at` exist?
[[nodiscard]] inline bool inside(Index at, Index size) {
  return at >= 0 && at < size;
}

}  // namespace lichen::kernels
