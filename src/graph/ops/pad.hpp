// SPDX-License-Identifier: Apache-2.0
// How many elements Pad adds (or, below 0, takes away) at the ends of each axis.
#pragma once

#include <optional>
#include <vector>

#include "graph/ops/schema.hpp"

namespace lichen::graph {

struct AxisPads {
  std::int64_t before = 0;
  std::int64_t after = 0;
};

// One entry an axis of input 0; nullopt: not known yet. Refuses what leaves no sense: a size below 0, or a mirror of
// nothing.
[[nodiscard]] Result<std::optional<std::vector<AxisPads>>> pads_of(const NodeView& node);

}  // namespace lichen::graph
