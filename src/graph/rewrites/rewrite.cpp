// SPDX-License-Identifier: Apache-2.0
#include "graph/rewrites.hpp"

namespace lichen::graph {

Result<void> rewrite(Graph& graph, const Evaluator& evaluator) {
  (void)graph;
  (void)evaluator;
  return {};
}

}  // namespace lichen::graph
