// SPDX-License-Identifier: Apache-2.0
// When each tensor of a graph must have memory, and which tensors share a block of it.
#pragma once

#include <vector>

#include "engine/planner.hpp"
#include "graph/graph.hpp"

namespace lichen::engine {

inline constexpr std::size_t kNoBlock = static_cast<std::size_t>(-1);

struct Lives {
  std::vector<Block> blocks;
  std::vector<std::size_t> block_of;  // by tensor; kNoBlock: needs no memory (constant, or unused)
  std::vector<std::size_t> offset_of;  // by tensor: where in its block it begins, in bytes
  std::vector<bool> is_view;  // by node: its output is the very bytes of its inputs, there is nothing to do
  bool joins = false;         // is there a tensor that was made where a Concat wants it?
};

// What becomes of the inputs of a Concat whose output is one after the other (no axis longer than 1 before that of the
// Concat). kInPlace: whoever makes an input writes it to its place in the output, if nothing speaks against it: the input
// is neither an input, output or constant of the graph, nor in the place of another Concat already. The output then lives
// from when the first of them is made, which may take more memory than copying.
enum class Concats { kCopied, kInPlace };

// Asks for known shapes. Inputs and outputs of the graph live throughout. Nodes of variables are steps like others.
[[nodiscard]] Lives lives_of(const graph::Graph& graph, Concats concats);

}  // namespace lichen::engine
