// SPDX-License-Identifier: Apache-2.0
// Rewrites a verified graph into one that gives the same answers with fewer and larger nodes. Each pass is one file in
// graph/rewrites/. Answers are the same bit for bit in integers; in f32 up to the rounding of folded constants, and more
// exact where f32 went through f16.
#pragma once

#include <functional>
#include <vector>

#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::graph {

// Computes node `at`, whose inputs are all constant: one tensor an output.
using Evaluator = std::function<Result<std::vector<tensor::Tensor>>(const Graph& graph, std::size_t at)>;

// All passes, until none finds anything more. Unknown shapes are allowed; what needs a shape leaves them alone.
[[nodiscard]] Result<void> rewrite(Graph& graph, const Evaluator& evaluator);

// Drops nodes whose outputs nobody reads, and tensors that no node has; inputs and outputs stay.
void remove_unused(Graph& graph);

}  // namespace lichen::graph
