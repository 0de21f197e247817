// SPDX-License-Identifier: Apache-2.0
// Sliding windows of convolutions and poolings: output size and padding along one axis, as TensorFlow defines SAME and
// VALID ("https://www.tensorflow.org/api_docs/python/tf/nn", Notes on padding).
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "graph/ops/attributes.hpp"

namespace lichen::graph {

struct Window {
  std::int64_t out = 0;         // output positions
  std::int64_t pad_before = 0;  // zeros before the first input element
};

// How a window moves along one axis.
struct WindowRule {
  std::int64_t filter = 1, stride = 1, dilation = 1;
  Padding padding = Padding::kValid;
  std::int64_t before = 0, after = 0;  // of Padding::kExplicit
  bool ceil = false;                   // of Padding::kExplicit: a partial window at the end counts
};

// Refuses strides, filters and dilations below 1 or above a named limit, pads that are negative or above it, and windows
// larger than the padded input.
[[nodiscard]] Result<Window> window_of(std::int64_t in, const WindowRule& rule);

// The two axes of an image. Attributes: Conv2D's, DepthwiseConv2D's or Pool2D's.
template <typename Attributes>
[[nodiscard]] WindowRule rule_h(const Attributes& a, std::int64_t filter) {
  return {filter, a.stride_h, a.dilation_h, a.padding, a.pads.top, a.pads.bottom};
}
template <typename Attributes>
[[nodiscard]] WindowRule rule_w(const Attributes& a, std::int64_t filter) {
  return {filter, a.stride_w, a.dilation_w, a.padding, a.pads.left, a.pads.right};
}

}  // namespace lichen::graph
