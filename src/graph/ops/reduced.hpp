// SPDX-License-Identifier: Apache-2.0
// Which axes a Reduce* node takes away.
#pragma once

#include <array>

#include "graph/ops/schema.hpp"

namespace lichen::graph {

using ReducedAxes = std::array<bool, tensor::kRankMax>;

// From the second input and ReduceAttributes; nullopt: the values of that input are not known yet.
[[nodiscard]] std::optional<Result<ReducedAxes>> reduced_axes(const NodeView& node);

}  // namespace lichen::graph
