// SPDX-License-Identifier: Apache-2.0
// Ops beyond arithmetic. ReadVariable gives what AssignVariable last put (at first the variable's initial value). If runs
// one of two subgraphs, whose inputs are the node's inputs after the condition.
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check_variable(const NodeView& node) {
  const std::int32_t at = node.attributes<VariableAttributes>().variable;
  const std::size_t count = node.graph().variables.size();
  if (at < 0 || static_cast<std::size_t>(at) >= count) return bad_attribute(fmt::format("variable {} of {}", at, count));
  if (node.input_count() == 0) return {};
  const Variable& variable = node.graph().variables[static_cast<std::size_t>(at)];
  const tensor::TensorSpec& value = node.input(0).spec;
  if (value.dtype == variable.spec.dtype && value.shape == variable.spec.shape) return {};
  return bad_tensor(node.input(0), fmt::format("{} {} for variable '{}', which is {} {}", name_of(value.dtype),
                                               value.shape.to_text(), variable.spec.name, name_of(variable.spec.dtype),
                                               variable.spec.shape.to_text()));
}

Result<OutputTypes> infer_read(const NodeView& node) {
  const auto at = static_cast<std::size_t>(node.attributes<VariableAttributes>().variable);
  const Variable& variable = node.graph().variables[at];
  return output_of(variable.spec.dtype, variable.spec.shape);
}

Result<OutputTypes> infer_nothing(const NodeView&) {
  return OutputTypes{};
}

std::int64_t no_operations(const NodeView&) {
  return 0;
}

Result<void> check_if(const NodeView& node) {
  const Tensor& condition = node.input(0);
  LICHEN_TRY(require_dtype(condition, tensor::DType::kBool));
  if (condition.spec.shape.elements() != 1) return bad_tensor(condition, "a condition must be one element");
  const auto& a = node.attributes<IfAttributes>();
  const std::vector<Graph>& bodies = node.graph().subgraphs;
  for (const std::int32_t at : {a.then_graph, a.else_graph}) {
    if (at < 0 || static_cast<std::size_t>(at) >= bodies.size())
      return bad_attribute(fmt::format("subgraph {} of {}", at, bodies.size()));
    const Graph& body = bodies[static_cast<std::size_t>(at)];
    if (body.inputs.size() + 1 != node.input_count() || body.outputs.size() != node.output_count()) {
      return bad_attribute(fmt::format("subgraph {} has {} inputs and {} outputs", at, body.inputs.size(),
                                       body.outputs.size()));
    }
  }
  return {};
}

// What a branch gives is known when it is chosen.
Result<OutputTypes> infer_if(const NodeView& node) {
  return OutputTypes(node.output_count());
}

constexpr std::size_t kPortsMax = 1024;

constexpr std::array kRows = {
    OpSchema{.op = Op::kReadVariable,
             .name = "ReadVariable",
             .inputs_min = 0,
             .inputs_max = 0,
             .inputs_required = 0,
             .attributes_fit = holds<VariableAttributes>,
             .check = check_variable,
             .infer = infer_read,
             .has_state = true},
    OpSchema{.op = Op::kAssignVariable,
             .name = "AssignVariable",
             .outputs_min = 0,
             .outputs_max = 0,
             .attributes_fit = holds<VariableAttributes>,
             .check = check_variable,
             .infer = infer_nothing,
             .operations = no_operations,
             .has_state = true},
    OpSchema{.op = Op::kIf,
             .name = "If",
             .inputs_max = kPortsMax,
             .outputs_max = kPortsMax,
             .attributes_fit = holds<IfAttributes>,
             .check = check_if,
             .infer = infer_if},
};

}  // namespace

std::span<const OpSchema> state_rows() {
  return kRows;
}

}  // namespace lichen::graph
