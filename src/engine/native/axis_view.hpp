// SPDX-License-Identifier: Apache-2.0
// A shape as what is before an axis, the axis, and what is after it.
#pragma once

#include "base/assert.hpp"
#include "kernels/reference/normalization.hpp"
#include "tensor/spec.hpp"

namespace lichen::engine {

// `axis` was checked: -rank to rank - 1.
[[nodiscard]] inline kernels::reference::AxisView axis_view(const tensor::Shape& shape, std::int32_t axis) {
  const auto rank = static_cast<std::int32_t>(shape.rank());
  const auto at = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  LICHEN_ASSERT(at < shape.rank());
  kernels::reference::AxisView v;
  for (std::size_t i = 0; i < at; ++i) v.outer *= shape[i];
  v.channels = shape[at];
  for (std::size_t i = at + 1; i < shape.rank(); ++i) v.inner *= shape[i];
  return v;
}

}  // namespace lichen::engine
