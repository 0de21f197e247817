// SPDX-License-Identifier: Apache-2.0
// How windows over volumes move along depth, height and width.
#pragma once

#include <array>

#include "graph/ops/schema.hpp"
#include "graph/ops/window.hpp"

namespace lichen::graph {

[[nodiscard]] std::array<WindowRule, 3> volume_rules(const Conv3DAttributes& a, const tensor::Shape& weights);
[[nodiscard]] std::array<WindowRule, 3> volume_rules(const Pool3DAttributes& a);

}  // namespace lichen::graph
