// SPDX-License-Identifier: Apache-2.0
// What Resize does along each axis.
#pragma once

#include <optional>
#include <vector>

#include "graph/ops/schema.hpp"

namespace lichen::graph {

struct ResizeAxis {
  std::int64_t in = 0;
  std::int64_t out = 0;
  float scale = 1.0F;  // as given; out / in where sizes are
  float roi_start = 0.0F;
  float roi_end = 1.0F;
  bool listed = false;  // among the axes that the attributes name
};

// One entry an axis of input 0; nullopt: not known yet.
[[nodiscard]] Result<std::optional<std::vector<ResizeAxis>>> resize_axes(const NodeView& node);

}  // namespace lichen::graph
