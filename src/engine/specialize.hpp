// SPDX-License-Identifier: Apache-2.0
// A graph as it runs for certain input shapes: types inferred, everything that follows from constants alone computed,
// branches whose condition is known taken, and the graph rewritten to fewer and larger nodes (graph/rewrites.hpp).
#pragma once

#include <optional>
#include <span>

#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::engine {

// What folding may make, in all: a small file must not claim the machine's memory.
inline constexpr std::size_t kFoldedBytesMax = std::size_t{256} << 20;

struct SpecializeOptions {
  std::span<const tensor::Shape> input_shapes;  // of all inputs in order; empty: as the graph declares them
  bool rewrite = true;
};

// `graph` is verified first. The result is a verified graph with the same inputs and outputs in the same order, and
// borrows what `graph` borrows. Shapes that depend on values of inputs stay unknown.
[[nodiscard]] Result<graph::Graph> specialize(const graph::Graph& graph, const SpecializeOptions& options);

}  // namespace lichen::engine
