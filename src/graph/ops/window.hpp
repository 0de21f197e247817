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

// Refuses strides, filters and dilations below 1 or above a named limit, and VALID windows larger than the input.
[[nodiscard]] Result<Window> window_of(std::int64_t in, std::int64_t filter, std::int64_t stride, std::int64_t dilation,
                                       Padding padding);

}  // namespace lichen::graph
