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
  std::vector<std::size_t> row_bytes_of;  // by tensor: from row to row, along the last axis; 0: it is dense
  std::vector<bool> is_view;  // by node: its output is the very bytes of its inputs, there is nothing to do
  bool joins = false;         // is there a tensor that was made where a Concat wants it?
};

// What becomes of the inputs of a Concat. kInPlace: whoever makes an input writes it to its place in the output, if nothing
// speaks against it: the input is neither an input, output or constant of the graph, nor in the place of another Concat
// already. Where inputs are not one after the other in the output (an axis longer than 1 is before that of the Concat), that
// goes only along the last axis, for a node that can write rows apart, whose output nobody but the Concat reads. The output
// then lives from when the first of them is made, which may take more memory than copying.
enum class Concats { kCopied, kInPlace };

// Asks for known shapes. Inputs and outputs of the graph live throughout. Nodes of variables are steps like others.
// `spaces_rows`: by node, Step::spaces_rows(); empty: none does.
[[nodiscard]] Lives lives_of(const graph::Graph& graph, Concats concats, const std::vector<bool>& spaces_rows = {});

// By input of a Concat: is it where the output has it?
[[nodiscard]] std::vector<bool> joined(const graph::Graph& graph, const graph::Node& concat, const Lives& lives);

}  // namespace lichen::engine
