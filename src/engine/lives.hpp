// SPDX-License-Identifier: Apache-2.0
// When each tensor of a graph must have memory, and which tensors may share a block of it.
#pragma once

#include <vector>

#include "engine/planner.hpp"
#include "graph/graph.hpp"

namespace lichen::engine {

inline constexpr std::size_t kNoBlock = static_cast<std::size_t>(-1);

struct Lives {
  std::vector<Block> blocks;
  std::vector<std::size_t> block_of;  // by tensor; kNoBlock: needs no memory (constant, or unused)
  std::vector<bool> is_view;          // by node: its output is the very bytes of its input, there is nothing to do
};

// Asks for known shapes. Inputs and outputs of the graph live throughout. Nodes of variables are steps like others.
[[nodiscard]] Lives lives_of(const graph::Graph& graph);

}  // namespace lichen::engine
