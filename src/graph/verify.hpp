// SPDX-License-Identifier: Apache-2.0
// Is this graph whole? Everything that the engine relies on is checked here, once: indices, order, shapes, dtypes,
// quantization, sizes. Safe for graphs from hostile files.
#pragma once

#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::graph {

inline constexpr std::size_t kTensorsMax = 50'000;
inline constexpr std::size_t kNodesMax = 10'000;

// An error names the node (index, op, name) and the tensor.
[[nodiscard]] Result<void> verify(const Graph& graph);

}  // namespace lichen::graph
