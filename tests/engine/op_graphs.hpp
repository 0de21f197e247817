// SPDX-License-Identifier: Apache-2.0
// Small graphs, one for each op that a .tflite file can hold: for round trips through the format, and to be run beside
// LiteRT. Weights are seeded; the same call gives the same graphs.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.hpp"

namespace lichen::testing {

struct NamedGraph {
  std::string name;
  graph::Graph graph;
};

// Ops of which TFLite has an operator.
[[nodiscard]] std::vector<NamedGraph> tflite_op_graphs();
// Ops that TFLite lacks, which become several of its operators.
[[nodiscard]] std::vector<NamedGraph> composed_op_graphs();
// Graphs with variables, state tensors and branches.
[[nodiscard]] std::vector<NamedGraph> state_graphs();

}  // namespace lichen::testing
