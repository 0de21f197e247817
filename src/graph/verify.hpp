// SPDX-License-Identifier: Apache-2.0
// Is this graph whole? Everything that the engine relies on is checked here, once: indices, order, shapes, dtypes,
// quantization, sizes. Safe for graphs from hostile files.
#pragma once

#include "base/error.hpp"
#include "graph/graph.hpp"
#include "graph/ops/schema.hpp"

namespace lichen::graph {

inline constexpr std::size_t kTensorsMax = 100'000;  // of one graph
inline constexpr std::size_t kNodesMax = 20'000;
inline constexpr std::size_t kSubgraphsMax = 1'000;
inline constexpr std::size_t kSubgraphDepthMax = 8;

// An error names the node (index, op, name) and the tensor. Where a tensor's shape is unknown, what depends on it is not
// checked; the engine does that when it knows. Where inputs leave dimensions open
// (Graph::free_dimensions), sizes that do not fit are not an error yet.
[[nodiscard]] Result<void> verify(const Graph& graph);

// verify(), and each tensor of unknown shape that follows from known ones gets its type and shape.
[[nodiscard]] Result<void> infer_types(Graph& graph);

// What node `at` of a verified graph gives; demands that its inputs have known shapes. `values`: see NodeView.
[[nodiscard]] Result<OutputTypes> infer_node(const Graph& graph, std::size_t at, KnownValues* values = nullptr);

// The demands on the outputs of node `at`, once they have types and shapes.
[[nodiscard]] Result<void> check_outputs(const Graph& graph, std::size_t at);

// "node 3 Conv2D 'name'".
[[nodiscard]] std::string where_of(const Graph& graph, std::size_t at);

}  // namespace lichen::graph
