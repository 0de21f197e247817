// SPDX-License-Identifier: Apache-2.0
// Small ONNX models, made message by message.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "graph/graph.hpp"
#include "onnx/proto.hpp"

namespace lichen::testing {

using Names = std::initializer_list<const char*>;
using Ints = std::initializer_list<std::int64_t>;

inline ::onnx::ModelProto empty_model(std::int64_t opset = 17) {
  ::onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("g");
  return model;
}

inline void set_type(::onnx::ValueInfoProto& info, const char* name, Ints dims, std::int32_t type = 1) {
  info.set_name(name);
  auto* tensor = info.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape();
  for (const std::int64_t dim : dims) tensor->mutable_shape()->add_dim()->set_dim_value(dim);
}

inline void add_input(::onnx::ModelProto& model, const char* name, Ints dims, std::int32_t type = 1) {
  set_type(*model.mutable_graph()->add_input(), name, dims, type);
}

inline void add_output(::onnx::ModelProto& model, const char* name) {
  model.mutable_graph()->add_output()->set_name(name);
}

inline ::onnx::NodeProto& add_node(::onnx::GraphProto& graph, const char* op, Names inputs, Names outputs) {
  auto& node = *graph.add_node();
  node.set_op_type(op);
  node.set_name(std::string(op) + "_" + std::to_string(graph.node_size() - 1));
  for (const char* input : inputs) node.add_input(input);
  for (const char* output : outputs) node.add_output(output);
  return node;
}

inline ::onnx::NodeProto& add_node(::onnx::ModelProto& model, const char* op, Names inputs, Names outputs) {
  return add_node(*model.mutable_graph(), op, inputs, outputs);
}

inline ::onnx::AttributeProto& add_attribute(::onnx::NodeProto& node, const char* name,
                                             ::onnx::AttributeProto::AttributeType type) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

inline void set_ints(::onnx::NodeProto& node, const char* name, Ints values) {
  auto& attribute = add_attribute(node, name, ::onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

inline void set_int(::onnx::NodeProto& node, const char* name, std::int64_t value) {
  add_attribute(node, name, ::onnx::AttributeProto::INT).set_i(value);
}

inline void set_text(::onnx::NodeProto& node, const char* name, const char* value) {
  add_attribute(node, name, ::onnx::AttributeProto::STRING).set_s(value);
}

inline ::onnx::GraphProto& set_graph(::onnx::NodeProto& node, const char* name) {
  return *add_attribute(node, name, ::onnx::AttributeProto::GRAPH).mutable_g();
}

// Of floats that count up.
inline ::onnx::TensorProto& add_weights(::onnx::ModelProto& model, const char* name, Ints dims) {
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(1);
  std::int64_t elements = 1;
  for (const std::int64_t dim : dims) {
    tensor.add_dims(dim);
    elements *= dim;
  }
  for (std::int64_t i = 0; i < elements; ++i) tensor.add_float_data(0.01F * static_cast<float>(i));
  return tensor;
}

inline ::onnx::TensorProto& add_integers(::onnx::ModelProto& model, const char* name, Ints values) {
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(7);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  for (const std::int64_t value : values) tensor.add_int64_data(value);
  return tensor;
}

// x [1, 2, 5, 5] -> Conv -> c -> Relu -> y [1, 3, 3, 3].
inline ::onnx::ModelProto conv_model() {
  ::onnx::ModelProto model = empty_model();
  add_input(model, "x", {1, 2, 5, 5});
  add_weights(model, "w", {3, 2, 3, 3});
  add_weights(model, "b", {3});
  set_ints(add_node(model, "Conv", {"x", "w", "b"}, {"c"}), "kernel_shape", {3, 3});
  add_node(model, "Relu", {"c"}, {"y"});
  add_output(model, "y");
  return model;
}

// For a graph that outlives the file that it was read from.
inline graph::Graph with_own_weights(graph::Graph graph) {
  for (graph::Tensor& tensor : graph.tensors) {
    if (tensor.constant) tensor.constant = tensor::Data::copy_of(tensor.constant->bytes());
  }
  return graph;
}

inline Bytes bytes_of_model(const ::onnx::ModelProto& model) {
  const std::string text = model.SerializeAsString();
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace lichen::testing
