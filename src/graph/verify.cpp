// SPDX-License-Identifier: Apache-2.0
#include "graph/verify.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "graph/ops/schema.hpp"

namespace lichen::graph {
namespace {

std::unexpected<Error> bad(const Graph& graph, std::string where, std::string why, Code code = Code::kBadInput) {
  return fail(code, "bad model", fmt::format("{}, {}", graph.name, where), std::move(why));
}

bool is_index(const Graph& graph, TensorId id) {
  return id >= 0 && static_cast<std::size_t>(id) < graph.tensors.size();
}

Result<void> verify_tensor(const Graph& graph, std::size_t at) {
  const Tensor& tensor = graph.tensors[at];
  const std::string where = fmt::format("{}, tensor {} '{}'", graph.name, at, tensor.spec.name);
  const tensor::Shape shape = LICHEN_TRY(tensor::Shape::make(tensor.spec.shape.dims(), where));
  LICHEN_TRY(tensor::check(tensor.quantization, tensor.spec.dtype, shape, where));
  if (!tensor.constant) return {};
  const ByteView bytes = tensor.constant->bytes();
  if (bytes.size() != tensor.spec.bytes()) {
    return fail(Code::kBadInput, "bad model", where,
                fmt::format("{} bytes of data, but {} of {} need {}", bytes.size(), tensor.spec.shape.to_text(),
                            name_of(tensor.spec.dtype), tensor.spec.bytes()));
  }
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(tensor.spec.dtype) != 0) {
    return fail(Code::kBadInput, "bad model", where, "data is not aligned for its type");
  }
  return {};
}

std::string where_of(const Graph& graph, std::size_t at) {
  const Node& node = graph.nodes[at];
  return fmt::format("node {} {} '{}'", at, schema_of(node.op).name, node.name);
}

// Number of tensors, that they exist, that inputs have a value by now and outputs have none yet.
Result<void> verify_wiring(const Graph& graph, std::size_t at, std::vector<bool>& has_value) {
  const Node& node = graph.nodes[at];
  const OpSchema& schema = schema_of(node.op);
  if (node.inputs.size() < schema.inputs_min || node.inputs.size() > schema.inputs_max || node.outputs.size() != 1) {
    return bad(graph, where_of(graph, at),
               fmt::format("{} inputs and {} outputs", node.inputs.size(), node.outputs.size()));
  }
  if (!schema.attributes_fit(node.attributes)) return bad(graph, where_of(graph, at), "attributes of another op");
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const TensorId id = node.inputs[i];
    if (id == kNoTensor && i >= schema.inputs_required) continue;
    if (!is_index(graph, id))
      return bad(graph, where_of(graph, at), fmt::format("input {} is tensor {} of {}", i, id, graph.tensors.size()));
    if (!has_value[static_cast<std::size_t>(id)]) {
      return bad(graph, where_of(graph, at),
                 fmt::format("input {} (tensor {} '{}') is not computed before it", i, id, graph.tensor(id).spec.name));
    }
  }
  for (const TensorId id : node.outputs) {
    if (!is_index(graph, id))
      return bad(graph, where_of(graph, at), fmt::format("output is tensor {} of {}", id, graph.tensors.size()));
    if (has_value[static_cast<std::size_t>(id)])
      return bad(graph, where_of(graph, at), fmt::format("output tensor {} has a value already", id));
    has_value[static_cast<std::size_t>(id)] = true;
  }
  return {};
}

// Adds the node to an error of an op's own check.
Error placed(const Graph& graph, std::size_t at, Error error) {
  error.what = "bad model";
  error.where = fmt::format("{}, {}, {}", graph.name, where_of(graph, at), error.where);
  return error;
}

Result<void> verify_node(const Graph& graph, std::size_t at) {
  const NodeView node(graph, graph.nodes[at]);
  const OpSchema& schema = schema_of(graph.nodes[at].op);
  if (auto checked = schema.check(node); !checked)
    return std::unexpected(placed(graph, at, std::move(checked).error()));
  auto shape = schema.infer(node);
  if (!shape) return std::unexpected(placed(graph, at, std::move(shape).error()));
  const tensor::TensorSpec& out = node.output().spec;
  if (*shape != out.shape) {
    return bad(
        graph, where_of(graph, at),
        fmt::format("output '{}' is {}, but its inputs give {}", out.name, out.shape.to_text(), shape->to_text()));
  }
  if (graph.nodes[at].op == Op::kReshape && out.shape.elements() != node.input(0).spec.shape.elements()) {
    return bad(graph, where_of(graph, at),
               fmt::format("{} into {}", node.input(0).spec.shape.to_text(), out.shape.to_text()));
  }
  return {};
}

Result<void> verify_ports(const Graph& graph, std::vector<bool>& has_value) {
  if (graph.inputs.empty() || graph.outputs.empty()) return bad(graph, "graph", "no inputs or no outputs");
  for (const TensorId id : graph.inputs) {
    if (!is_index(graph, id))
      return bad(graph, "graph", fmt::format("input is tensor {} of {}", id, graph.tensors.size()));
    if (graph.tensor(id).constant) return bad(graph, "graph", fmt::format("input tensor {} is constant", id));
    if (has_value[static_cast<std::size_t>(id)])
      return bad(graph, "graph", fmt::format("input tensor {} is listed twice", id));
    has_value[static_cast<std::size_t>(id)] = true;
  }
  return {};
}

}  // namespace

Result<void> verify(const Graph& graph) {
  if (graph.tensors.size() > kTensorsMax || graph.nodes.size() > kNodesMax) {
    return bad(graph, "graph", fmt::format("{} tensors and {} nodes", graph.tensors.size(), graph.nodes.size()),
               Code::kExhausted);
  }
  std::vector<bool> has_value(graph.tensors.size(), false);
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    LICHEN_TRY(verify_tensor(graph, i));
    has_value[i] = graph.tensors[i].constant.has_value();
  }
  LICHEN_TRY(verify_ports(graph, has_value));
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    LICHEN_TRY(verify_wiring(graph, i, has_value));
    LICHEN_TRY(verify_node(graph, i));
  }
  for (const TensorId id : graph.outputs) {
    if (!is_index(graph, id))
      return bad(graph, "graph", fmt::format("output is tensor {} of {}", id, graph.tensors.size()));
    if (!has_value[static_cast<std::size_t>(id)])
      return bad(graph, "graph", fmt::format("output tensor {} is never computed", id));
  }
  return {};
}

}  // namespace lichen::graph
