// SPDX-License-Identifier: Apache-2.0
#include "graph/print.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "graph/ops/schema.hpp"

namespace lichen::graph {
namespace {

void add_saturating(std::int64_t& sum, std::int64_t value) {
  if (__builtin_add_overflow(sum, value, &sum)) sum = std::numeric_limits<std::int64_t>::max();
}

}  // namespace

std::int64_t macs_of(const Graph& graph, const Node& node) {
  const OpSchema& schema = schema_of(node.op);
  return schema.counts_as_macs ? operations_of(graph, node) : 0;
}

std::int64_t operations_of(const Graph& graph, const Node& node) {
  const auto known = [&](TensorId id) { return id == kNoTensor || graph.tensor(id).spec.shape.known(); };
  if (!std::ranges::all_of(node.inputs, known) || !std::ranges::all_of(node.outputs, known)) return 0;
  const NodeView view(graph, node);
  const OpSchema& schema = schema_of(node.op);
  if (schema.operations != nullptr) return schema.operations(view);
  return view.has_output(0) ? view.output().spec.shape.elements() : 0;
}

Cost cost_of(const Graph& graph) {
  Cost cost;
  std::vector<bool> counted(graph.tensors.size(), false);
  for (const Node& node : graph.nodes) {
    add_saturating(cost.macs, macs_of(graph, node));
    add_saturating(cost.operations, operations_of(graph, node));
    for (const TensorId id : node.inputs) {
      if (id == kNoTensor || counted[static_cast<std::size_t>(id)] || !graph.tensor(id).constant) continue;
      counted[static_cast<std::size_t>(id)] = true;
      add_saturating(cost.parameters, graph.tensor(id).spec.shape.elements());
      add_saturating(cost.parameter_bytes, static_cast<std::int64_t>(graph.tensor(id).spec.bytes()));
    }
  }
  return cost;
}

std::string to_text(const Tensor& tensor) {
  if (!tensor.spec.shape.known()) return "?";
  std::string text = fmt::format("{} {}", name_of(tensor.spec.dtype), tensor.spec.shape.to_text());
  const tensor::Quantization& q = tensor.quantization;
  if (q.per_channel()) {
    text += fmt::format(" q({} channels)", q.scales.size());
  } else if (!q.empty()) {
    text += fmt::format(" q({:.6g}, {})", q.scale(), q.zero_point());
  }
  return text;
}

std::string to_text(const Graph& graph) {
  std::string text = fmt::format("{}\n", graph.name);
  for (const TensorId id : graph.inputs)
    text += fmt::format("  in   {} {}\n", graph.tensor(id).spec.name, to_text(graph.tensor(id)));
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const bool gives = !node.outputs.empty() && node.outputs.front() != kNoTensor;
    text += fmt::format("  {:>3}  {:<16} {:<40} {:>10} MACs\n", i, schema_of(node.op).name,
                        gives ? to_text(graph.tensor(node.outputs.front())) : "", macs_of(graph, node));
  }
  for (const TensorId id : graph.outputs)
    text += fmt::format("  out  {} {}\n", graph.tensor(id).spec.name, to_text(graph.tensor(id)));
  const Cost cost = cost_of(graph);
  text += fmt::format("  {} nodes, {} parameters ({} bytes), {} MACs\n", graph.nodes.size(), cost.parameters,
                      cost.parameter_bytes, cost.macs);
  return text;
}

}  // namespace lichen::graph
