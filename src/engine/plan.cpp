// SPDX-License-Identifier: Apache-2.0
#include "engine/plan.hpp"

#include <cstring>

#include <fmt/format.h>

#include "graph/print.hpp"
#include "graph/verify.hpp"

namespace lichen::engine {

Plan::~Plan() = default;

VariableStore::VariableStore(const graph::Graph& graph) : variables_(graph.variables) {
  for (const graph::Variable& variable : variables_) values_.emplace_back(variable.spec.bytes());
  reset();
}

void VariableStore::reset() {
  for (std::size_t i = 0; i < variables_.size(); ++i) {
    if (values_[i].empty()) continue;
    if (variables_[i].initial) {
      std::memcpy(values_[i].data(), variables_[i].initial->bytes().data(), values_[i].size());
    } else {
      std::memset(values_[i].data(), 0, values_[i].size());
    }
  }
}

Result<void> may_go_on(const RunOptions& options, std::string_view model) {
  if (options.cancelled != nullptr && options.cancelled->load(std::memory_order_relaxed))
    return fail(Code::kUnavailable, "run ended early", std::string(model), "it was cancelled");
  if (options.clock != nullptr && options.deadline_ns != 0 && options.clock->now_ns() >= options.deadline_ns)
    return fail(Code::kDeadlineExceeded, "run ended early", std::string(model), "its deadline is past");
  return {};
}

Error placed(const graph::Graph& graph, std::size_t at, Error error) {
  error.where =
      fmt::format("{}, {}{}{}", graph.name, graph::where_of(graph, at), error.where.empty() ? "" : ", ", error.where);
  return error;
}

bool is_variable_op(graph::Op op) {
  return op == graph::Op::kReadVariable || op == graph::Op::kAssignVariable;
}

std::unique_ptr<Step> copy_step(const graph::Graph& graph, const graph::Node& node) {
  const auto variable = static_cast<std::size_t>(std::get<graph::VariableAttributes>(node.attributes).variable);
  return make_step("variable copy", 0, [bytes = graph.variables[variable].spec.bytes()](const StepBuffers& b) {
    if (bytes > 0) std::memcpy(b.outputs[0], b.inputs[0], bytes);
  });
}

NodeProfile profile_of(const graph::Graph& graph, const graph::Node& node, const Step* step) {
  NodeProfile profile;
  profile.name = node.name;
  profile.op = graph::schema_of(node.op).name;
  profile.kernel = step == nullptr ? std::string() : std::string(step->kernel());
  if (!node.outputs.empty() && node.outputs[0] != graph::kNoTensor)
    profile.dtype = graph.tensor(node.outputs[0]).spec.dtype;
  profile.macs = graph::macs_of(graph, node);
  profile.operations = graph::operations_of(graph, node);
  for (const graph::TensorId id : node.outputs) {
    if (id != graph::kNoTensor && graph.tensor(id).spec.shape.known())
      profile.output_bytes += static_cast<std::int64_t>(graph.tensor(id).spec.bytes());
  }
  return profile;
}

}  // namespace lichen::engine
