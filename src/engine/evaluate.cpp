// SPDX-License-Identifier: Apache-2.0
#include "engine/evaluate.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/planner.hpp"
#include "graph/verify.hpp"
#include "kernels/aligned.hpp"
#include "tensor/permutation.hpp"

namespace lichen::engine {
namespace {

// Allocators align to 16 bytes, which is what any element needs.
Bytes bytes_for(const tensor::TensorSpec& spec) {
  return Bytes(spec.bytes());
}

// The output is the input's bytes, only said to be of another shape. Data is shared, so that nothing is copied.
bool is_same_data(const graph::Graph& graph, const graph::Node& node) {
  switch (node.op) {
    case graph::Op::kReshape:
    case graph::Op::kSqueeze:
    case graph::Op::kUnsqueeze:
    case graph::Op::kFlatten:
    case graph::Op::kIdentity:
      return true;
    case graph::Op::kTranspose:
      return tensor::permutes_nothing(graph.tensor(node.inputs[0]).spec.shape,
                                      std::get<graph::TransposeAttributes>(node.attributes).permutation);
    default:
      return false;
  }
}

std::optional<tensor::Tensor> shared(const graph::Graph& graph, const graph::Node& node,
                                     const graph::OutputTypes& types) {
  const graph::Tensor& from = graph.tensor(node.inputs[0]);
  if (!from.constant || !types[0].shape || types[0].bound || !is_same_data(graph, node)) return std::nullopt;
  const tensor::TensorSpec& declared = graph.tensor(node.outputs[0]).spec;
  const tensor::TensorSpec spec{declared.name, types[0].dtype, *types[0].shape};
  if (from.constant->size() != spec.bytes()) return std::nullopt;
  return tensor::Tensor{spec, *from.constant};
}

// A step for the node as it would be with outputs of these types.
StepResult step_of(const graph::Graph& graph, std::size_t at, PackBudget& budget) {
  return build_step({graph::NodeView(graph, graph.nodes[at]), kernels::CpuFeatures{}, budget, XnnpackUse::kNever, false});
}

}  // namespace

Result<std::vector<tensor::Tensor>> evaluate(const graph::Graph& graph, std::size_t at) {
  const graph::Node& node = graph.nodes[at];
  const graph::OutputTypes types = LICHEN_TRY(graph::infer_node(graph, at));
  if (auto same = shared(graph, node, types)) return std::vector<tensor::Tensor>{*std::move(same)};
  graph::Graph typed;  // only what the step looks at: the graph itself, with the outputs' types settled
  const graph::Graph* with_types = &graph;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == graph::kNoTensor) continue;
    if (!types[i].shape) return fail(Code::kInternal, "cannot plan model", graph::where_of(graph, at), "no shape to compute");
    if (graph.tensor(node.outputs[i]).spec.shape.known()) continue;
    if (with_types == &graph) {
      typed = graph;
      with_types = &typed;
    }
    typed.tensor(node.outputs[i]).spec.shape = *types[i].shape;
    typed.tensor(node.outputs[i]).spec.dtype = types[i].dtype;
  }
  PackBudget budget(std::size_t{512} << 20);
  const std::unique_ptr<Step> step = LICHEN_TRY(step_of(*with_types, at, budget));

  std::vector<const std::byte*> inputs;
  for (const graph::TensorId id : node.inputs) {
    const bool constant = id != graph::kNoTensor && graph.tensor(id).constant;
    inputs.push_back(constant ? graph.tensor(id).constant->bytes().data() : nullptr);
  }
  std::vector<Bytes> made(node.outputs.size());
  std::vector<std::byte*> outputs(node.outputs.size(), nullptr);
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (node.outputs[i] == graph::kNoTensor) continue;
    made[i] = bytes_for(with_types->tensor(node.outputs[i]).spec);
    outputs[i] = made[i].data();
  }
  kernels::AlignedVector<std::byte> scratch(step->scratch_bytes());
  kernels::Threads threads(1);
  StepReport report;
  for (std::size_t i = 0; i < types.size() && i < report.shapes.size(); ++i) {
    if (types[i].shape) report.shapes[i] = *types[i].shape;
  }
  step->run({inputs, outputs, scratch.data(), &threads, &report});
  if (report.trouble != nullptr)
    return fail(Code::kBadInput, "cannot plan model", graph::where_of(graph, at), report.trouble);

  std::vector<tensor::Tensor> values(node.outputs.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (node.outputs[i] == graph::kNoTensor) continue;
    tensor::TensorSpec spec = with_types->tensor(node.outputs[i]).spec;
    if (types[i].bound) spec.shape = report.shapes[i];
    made[i].resize(spec.bytes());
    values[i] = {spec, tensor::Data::own(std::move(made[i]))};
  }
  return values;
}

}  // namespace lichen::engine
