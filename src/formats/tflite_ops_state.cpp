// SPDX-License-Identifier: Apache-2.0
// Variables, state tensors and control. A resource variable is known by its name; every VAR_HANDLE of that name means
// it. A state tensor (`is_variable`) keeps its value from run to run: it becomes a variable that is read before its
// operator and assigned after it.
#include "formats/tflite_ops_state.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "formats/tflite_file.hpp"
#include "formats/tflite_outgoing.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

std::int32_t TfliteVariables::named(const std::string& container, const std::string& name) {
  const auto [at, made] = names_.try_emplace({container, name}, static_cast<std::int32_t>(variables.size()));
  if (made) variables.push_back({name, {name, tensor::DType::kF32, tensor::Shape::unknown()}, {}, {}});
  return at->second;
}

std::optional<tensor::Data> first_state(const graph::Tensor& tensor) {
  const bool of_i8 = tensor.spec.dtype == tensor::DType::kI8 && !tensor.quantization.empty();
  if (!of_i8 || tensor.quantization.zero_point() == 0) return std::nullopt;
  return tensor::Data::own(Bytes(tensor.spec.bytes(), static_cast<std::byte>(tensor.quantization.zero_point())));
}

Result<State> read_state(Incoming& in, TensorId id) {
  TfliteVariables::Scope& scope = in.variables().scope;
  if (!scope.state_tensors.contains(id))
    return fail(Code::kUnsupported, "bad operator", fmt::format("tensor '{}'", in.tensor(id).spec.name),
                "a state that is no variable tensor");
  const auto [at, first] = scope.states.try_emplace(id, static_cast<std::int32_t>(in.variables().variables.size()));
  if (first) {
    graph::Tensor& tensor = in.graph().tensor(id);
    auto initial = std::exchange(tensor.constant, std::nullopt);
    if (!initial) initial = first_state(tensor);
    in.variables().variables.push_back({tensor.spec.name, tensor.spec, tensor.quantization, std::move(initial)});
  }
  const TensorId value = first ? id : in.temporary(id);
  in.add(Op::kReadVariable, graph::VariableAttributes{at->second}, {}, {value});
  return State{at->second, value};
}

TensorId assign_state(Incoming& in, const State& state) {
  const graph::Variable& variable = in.variables().at(state.variable);
  const TensorId next = in.temporary(state.value);
  in.graph().tensor(next).spec.dtype = variable.spec.dtype;
  return next;
}

namespace {

Result<std::int32_t> variable_of(Incoming& in) {
  const auto& handles = in.variables().scope.handles;
  const auto at = handles.find(in.inputs[0]);
  if (at != handles.end()) return at->second;
  return fail(Code::kUnsupported, "bad operator", "input 0",
              "a variable's handle that no VAR_HANDLE of its subgraph made");
}

// The first tensor that meets a variable says its type.
void settle(graph::Variable& variable, const graph::Tensor& as) {
  if (variable.spec.shape.known()) return;
  variable.spec.dtype = as.spec.dtype;
  variable.spec.shape = as.spec.shape;
  variable.quantization = as.quantization;
}

Result<void> read_var_handle(Incoming& in) {
  LICHEN_TRY(in.expect(0, 1));
  const auto* options = LICHEN_TRY(options_of<tflite::VarHandleOptions>(in.from()));
  const auto text = [](const flatbuffers::String* s) { return s == nullptr ? std::string() : s->str(); };
  in.variables().scope.handles[in.outputs[0]] =
      in.variables().named(text(options->container()), text(options->shared_name()));
  return {};
}

Result<void> read_read_variable(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  const std::int32_t variable = LICHEN_TRY(variable_of(in));
  settle(in.variables().at(variable), in.tensor(in.outputs[0]));
  in.add(Op::kReadVariable, graph::VariableAttributes{variable}, {}, in.outputs);
  return {};
}

Result<void> read_assign_variable(Incoming& in) {
  LICHEN_TRY(in.expect(2, 0));
  const std::int32_t variable = LICHEN_TRY(variable_of(in));
  settle(in.variables().at(variable), in.tensor(in.inputs[1]));
  in.add(Op::kAssignVariable, graph::VariableAttributes{variable}, {in.inputs[1]}, {});
  return {};
}

Result<void> read_call_once(Incoming& in) {
  LICHEN_TRY(in.expect(0, 0));
  return in.variables().initialize(LICHEN_TRY(options_of<tflite::CallOnceOptions>(in.from()))->init_subgraph_index());
}

Result<void> read_if(Incoming& in) {
  constexpr std::size_t kPortsMax = 1024;
  LICHEN_TRY(in.expect(1, kPortsMax, 1, kPortsMax, kPortsMax));
  const auto* options = LICHEN_TRY(options_of<tflite::IfOptions>(in.from()));
  graph::IfAttributes to;
  to.then_graph = LICHEN_TRY(in.variables().body(options->then_subgraph_index()));
  to.else_graph = LICHEN_TRY(in.variables().body(options->else_subgraph_index()));
  in.add(Op::kIf, to, in.inputs, in.outputs);
  return {};
}

Result<void> write_if(Outgoing& out) {
  const auto& a = out.node().attributes<graph::IfAttributes>();
  const auto& bodies = out.node().graph().subgraphs;
  tflite::IfOptionsT table;
  table.then_subgraph_index = LICHEN_TRY(lower_body(*out.to().file, bodies[static_cast<std::size_t>(a.then_graph)]));
  table.else_subgraph_index = LICHEN_TRY(lower_body(*out.to().file, bodies[static_cast<std::size_t>(a.else_graph)]));
  out.emit_row(out.node().node().inputs, out.node().node().outputs, options_with(table));
  return {};
}

TensorId handle_of(Outgoing& out) {
  const auto variable = static_cast<std::size_t>(out.node().attributes<graph::VariableAttributes>().variable);
  return variable_handle(out.to(), variable);
}

Result<void> write_read_variable(Outgoing& out) {
  out.emit_row({handle_of(out)}, {out.output()});
  return {};
}

Result<void> write_assign_variable(Outgoing& out) {
  out.emit_row({handle_of(out), out.input(0)}, {});
  return {};
}

constexpr std::array kRows = {
    TfliteOp{kTfliteVarHandle, Op::kCount, 1, 1, nullptr, read_var_handle},
    TfliteOp{kTfliteReadVariable, Op::kReadVariable, 1, 1, nullptr, read_read_variable, nullptr, write_read_variable},
    TfliteOp{kTfliteAssignVariable, Op::kAssignVariable, 1, 1, nullptr, read_assign_variable, nullptr,
             write_assign_variable},
    TfliteOp{kTfliteCallOnce, Op::kCount, 1, 1, nullptr, read_call_once},
    TfliteOp{118, Op::kIf, 1, 1, nullptr, read_if, nullptr, write_if},
};

}  // namespace

std::span<const TfliteOp> tflite_state_rows() {
  return kRows;
}

}  // namespace lichen::formats
