// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "graph/ops/schema.hpp"
#include "graph/rewrites.hpp"

namespace lichen::graph {
namespace {

void remove_dead_nodes(Graph& graph) {
  std::vector<bool> read(graph.tensors.size(), false);
  for (const TensorId id : graph.outputs) read[static_cast<std::size_t>(id)] = true;
  std::vector<bool> keep(graph.nodes.size(), false);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    keep[i] = schema_of(node.op).has_state || std::ranges::any_of(node.outputs, [&](TensorId id) {
                return id != kNoTensor && read[static_cast<std::size_t>(id)];
              });
    if (!keep[i]) continue;
    for (const TensorId id : node.inputs) {
      if (id != kNoTensor) read[static_cast<std::size_t>(id)] = true;
    }
  }
  std::size_t at = 0;
  std::erase_if(graph.nodes, [&](const Node&) { return !keep[at++]; });
}

void remove_dead_tensors(Graph& graph) {
  std::vector<TensorId> moved(graph.tensors.size(), kNoTensor);
  const auto mark = [&](const std::vector<TensorId>& ids) {
    for (const TensorId id : ids) {
      if (id != kNoTensor) moved[static_cast<std::size_t>(id)] = 0;
    }
  };
  mark(graph.inputs);
  mark(graph.outputs);
  for (const Node& node : graph.nodes) {
    mark(node.inputs);
    mark(node.outputs);
  }
  std::vector<Tensor> kept;
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (moved[i] == kNoTensor) continue;
    moved[i] = static_cast<TensorId>(kept.size());
    kept.push_back(std::move(graph.tensors[i]));
  }
  graph.tensors = std::move(kept);
  const auto move = [&](std::vector<TensorId>& ids) {
    for (TensorId& id : ids) id = id == kNoTensor ? kNoTensor : moved[static_cast<std::size_t>(id)];
  };
  move(graph.inputs);
  move(graph.outputs);
  for (Node& node : graph.nodes) {
    move(node.inputs);
    move(node.outputs);
  }
}

}  // namespace

void remove_unused(Graph& graph) {
  remove_dead_nodes(graph);
  remove_dead_tensors(graph);
}

}  // namespace lichen::graph
