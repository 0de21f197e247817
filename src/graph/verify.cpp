// SPDX-License-Identifier: Apache-2.0
#include "graph/verify.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace lichen::graph {
namespace {

std::unexpected<Error> bad(const Graph& graph, std::string where, std::string why, Code code = Code::kBadInput) {
  return fail(code, "bad model", fmt::format("{}, {}", graph.name, where), std::move(why));
}

bool is_index(const Graph& graph, TensorId id) {
  return id >= 0 && static_cast<std::size_t>(id) < graph.tensors.size();
}

Result<void> verify_data(const tensor::TensorSpec& spec, const tensor::Data& data, const std::string& where) {
  if (data.size() != spec.bytes()) {
    return fail(Code::kBadInput, "bad model", where,
                fmt::format("{} bytes of data, but {} of {} need {}", data.size(), spec.shape.to_text(),
                            name_of(spec.dtype), spec.bytes()));
  }
  if (!data.is_aligned_to(size_of(spec.dtype))) {
    return fail(Code::kBadInput, "bad model", where, "data is not aligned for its type");
  }
  return {};
}

Result<void> verify_tensor(const Graph& graph, std::size_t at) {
  const Tensor& tensor = graph.tensors[at];
  const std::string where = fmt::format("{}, tensor {} '{}'", graph.name, at, tensor.spec.name);
  if (!tensor.spec.shape.known()) {
    if (tensor.constant) return fail(Code::kBadInput, "bad model", where, "a constant of unknown shape");
    if (tensor.quantization.empty()) return {};
    return tensor::check(tensor.quantization, tensor.spec.dtype, tensor::Shape{}, where);
  }
  const tensor::Shape shape = LICHEN_TRY(tensor::Shape::make(tensor.spec.shape.dims(), where));
  LICHEN_TRY(tensor::check(tensor.quantization, tensor.spec.dtype, shape, where));
  return tensor.constant ? verify_data(tensor.spec, *tensor.constant, where) : Result<void>{};
}

Result<void> verify_variable(const Graph& graph, std::size_t at) {
  const Variable& variable = graph.variables[at];
  const std::string where = fmt::format("{}, variable {} '{}'", graph.name, at, variable.spec.name);
  if (!variable.spec.shape.known()) return fail(Code::kBadInput, "bad model", where, "a variable of unknown shape");
  const tensor::Shape shape = LICHEN_TRY(tensor::Shape::make(variable.spec.shape.dims(), where));
  LICHEN_TRY(tensor::check(variable.quantization, variable.spec.dtype, shape, where));
  return variable.initial ? verify_data(variable.spec, *variable.initial, where) : Result<void>{};
}

// Adds the node to an error of an op's own check.
Error placed(const Graph& graph, std::size_t at, Error error) {
  error.what = "bad model";
  error.where = fmt::format("{}, {}, {}", graph.name, where_of(graph, at), error.where);
  return error;
}

bool fits(std::size_t count, std::size_t min, std::size_t max) {
  return count >= min && count <= max;
}

// Walks the nodes in order. With a graph to fill, unknown types become known on the way.
class Verifier {
 public:
  Verifier(const Graph& graph, Graph* fill) : graph_(graph), fill_(fill), has_value_(graph.tensors.size(), false) {}

  Result<void> run(bool is_body) {
    for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
      LICHEN_TRY(verify_tensor(graph_, i));
      has_value_[i] = graph_.tensors[i].constant.has_value();
    }
    if (!is_body) {
      for (std::size_t i = 0; i < graph_.variables.size(); ++i) LICHEN_TRY(verify_variable(graph_, i));
    }
    LICHEN_TRY(verify_inputs());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      LICHEN_TRY(verify_wiring(i));
      // Sizes that are left open hold placeholders, which need not fit: the engine checks again with the real ones.
      auto typed = verify_types(i);
      if (!typed && graph_.free_dimensions.empty()) return typed;
    }
    return verify_outputs(is_body);
  }

 private:
  Result<void> verify_inputs() {
    for (const TensorId id : graph_.inputs) {
      if (!is_index(graph_, id))
        return bad(graph_, "graph", fmt::format("input is tensor {} of {}", id, graph_.tensors.size()));
      if (graph_.tensor(id).constant) return bad(graph_, "graph", fmt::format("input tensor {} is constant", id));
      if (has_value_[static_cast<std::size_t>(id)])
        return bad(graph_, "graph", fmt::format("input tensor {} is listed twice", id));
      has_value_[static_cast<std::size_t>(id)] = true;
    }
    for (const FreeDimension& free : graph_.free_dimensions) {
      const bool exists = free.input < graph_.inputs.size() && graph_.tensor(graph_.inputs[free.input]).spec.shape.known();
      if (!exists || free.axis >= graph_.tensor(graph_.inputs[free.input]).spec.shape.rank())
        return bad(graph_, "graph", fmt::format("dimension {} of input {} does not exist", free.axis, free.input));
    }
    return {};
  }

  Result<void> verify_outputs(bool is_body) const {
    if (graph_.outputs.empty() && !is_body) return bad(graph_, "graph", "no outputs");
    for (const TensorId id : graph_.outputs) {
      if (!is_index(graph_, id))
        return bad(graph_, "graph", fmt::format("output is tensor {} of {}", id, graph_.tensors.size()));
      if (!has_value_[static_cast<std::size_t>(id)])
        return bad(graph_, "graph", fmt::format("output tensor {} is never computed", id));
    }
    return {};
  }

  // Number of tensors, that they exist, that inputs have a value by now and outputs have none yet.
  Result<void> verify_wiring(std::size_t at) {
    const Node& node = graph_.nodes[at];
    const OpSchema* schema = find_schema(node.op);
    if (schema == nullptr) return bad(graph_, where_of(graph_, at), "an op that does not exist", Code::kUnsupported);
    if (!fits(node.inputs.size(), schema->inputs_min, schema->inputs_max) ||
        !fits(node.outputs.size(), schema->outputs_min, schema->outputs_max)) {
      return bad(graph_, where_of(graph_, at),
                 fmt::format("{} inputs and {} outputs", node.inputs.size(), node.outputs.size()));
    }
    if (!schema->attributes_fit(node.attributes)) return bad(graph_, where_of(graph_, at), "attributes of another op");
    LICHEN_TRY(verify_node_inputs(at, schema->inputs_required));
    return verify_node_outputs(at, schema->outputs_max > 1);
  }

  Result<void> verify_node_inputs(std::size_t at, std::size_t required) const {
    const Node& node = graph_.nodes[at];
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const TensorId id = node.inputs[i];
      if (id == kNoTensor && i >= required) continue;
      if (!is_index(graph_, id))
        return bad(graph_, where_of(graph_, at),
                   fmt::format("input {} is tensor {} of {}", i, id, graph_.tensors.size()));
      if (!has_value_[static_cast<std::size_t>(id)]) {
        return bad(graph_, where_of(graph_, at),
                   fmt::format("input {} (tensor {} '{}') is not computed before it", i, id,
                               graph_.tensor(id).spec.name));
      }
    }
    return {};
  }

  Result<void> verify_node_outputs(std::size_t at, bool may_lack) {
    for (const TensorId id : graph_.nodes[at].outputs) {
      if (id == kNoTensor && may_lack) continue;
      if (!is_index(graph_, id))
        return bad(graph_, where_of(graph_, at), fmt::format("output is tensor {} of {}", id, graph_.tensors.size()));
      if (has_value_[static_cast<std::size_t>(id)])
        return bad(graph_, where_of(graph_, at), fmt::format("output tensor {} has a value already", id));
      has_value_[static_cast<std::size_t>(id)] = true;
    }
    return {};
  }

  Result<void> verify_types(std::size_t at) {
    const Node& node = graph_.nodes[at];
    for (const TensorId id : node.inputs) {
      if (id != kNoTensor && !graph_.tensor(id).spec.shape.known()) return {};
    }
    const OutputTypes types = LICHEN_TRY(infer_node(graph_, at));
    bool all_known = true;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoTensor) continue;
      LICHEN_TRY(settle(at, node.outputs[i], types[i]));
      all_known = all_known && graph_.tensor(node.outputs[i]).spec.shape.known();
    }
    return all_known ? check_outputs(graph_, at) : Result<void>{};
  }

  // Compares what is declared with what follows from the inputs, or fills it in.
  Result<void> settle(std::size_t at, TensorId id, const OutputType& type) {
    const tensor::TensorSpec& declared = graph_.tensor(id).spec;
    if (!declared.shape.known()) {
      if (fill_ == nullptr || !type.shape || type.bound) return {};
      fill_->tensor(id).spec.dtype = type.dtype;
      fill_->tensor(id).spec.shape = *type.shape;
      return {};
    }
    if (!type.shape || type.bound) return {};
    if (*type.shape != declared.shape) {
      return bad(graph_, where_of(graph_, at),
                 fmt::format("output '{}' is {}, but its inputs give {}", declared.name, declared.shape.to_text(),
                             type.shape->to_text()));
    }
    if (type.dtype != declared.dtype) {
      return bad(graph_, where_of(graph_, at),
                 fmt::format("output '{}' is {}, but its inputs give {}", declared.name, name_of(declared.dtype),
                             name_of(type.dtype)));
    }
    return {};
  }

  const Graph& graph_;
  Graph* fill_;
  std::vector<bool> has_value_;
};

Result<void> verify_at(const Graph& graph, Graph* fill, std::size_t depth) {
  if (graph.tensors.size() > kTensorsMax || graph.nodes.size() > kNodesMax || graph.subgraphs.size() > kSubgraphsMax) {
    return bad(graph, "graph", fmt::format("{} tensors and {} nodes", graph.tensors.size(), graph.nodes.size()),
               Code::kExhausted);
  }
  if (depth > kSubgraphDepthMax) return bad(graph, "graph", "subgraphs nest too deep", Code::kExhausted);
  for (const Graph& body : graph.subgraphs) LICHEN_TRY(verify_at(body, nullptr, depth + 1));
  return Verifier(graph, fill).run(depth > 0);
}

}  // namespace

std::string where_of(const Graph& graph, std::size_t at) {
  const Node& node = graph.nodes[at];
  const OpSchema* schema = find_schema(node.op);
  return fmt::format("node {} {} '{}'", at, schema == nullptr ? "?" : schema->name, node.name);
}

Result<OutputTypes> infer_node(const Graph& graph, std::size_t at, KnownValues* values) {
  const NodeView node(graph, graph.nodes[at], values);
  const OpSchema& schema = schema_of(graph.nodes[at].op);
  if (schema.check != nullptr) {
    if (auto checked = schema.check(node); !checked)
      return std::unexpected(placed(graph, at, std::move(checked).error()));
  }
  auto types = schema.infer(node);
  if (!types) return std::unexpected(placed(graph, at, std::move(types).error()));
  if (types->size() < node.output_count())
    return bad(graph, where_of(graph, at), fmt::format("{} outputs where there are {}", node.output_count(), types->size()));
  return types;
}

Result<void> check_outputs(const Graph& graph, std::size_t at) {
  const OpSchema& schema = schema_of(graph.nodes[at].op);
  if (schema.check_outputs == nullptr) return {};
  if (auto checked = schema.check_outputs(NodeView(graph, graph.nodes[at])); !checked)
    return std::unexpected(placed(graph, at, std::move(checked).error()));
  return {};
}

Result<void> verify(const Graph& graph) {
  return verify_at(graph, nullptr, 0);
}

Result<void> infer_types(Graph& graph) {
  return verify_at(graph, &graph, 0);
}

}  // namespace lichen::graph
