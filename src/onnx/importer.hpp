// SPDX-License-Identifier: Apache-2.0
// From messages to a Graph: names, initializers, nodes in order, subgraphs, functions. What each operator becomes is in
// the tables of ops_*.cpp.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "onnx/call.hpp"

namespace lichen::formats {

// The tables.
[[nodiscard]] std::span<const OnnxOp> math_ops();
[[nodiscard]] std::span<const OnnxOp> reduce_ops();
[[nodiscard]] std::span<const OnnxOp> movement_ops();
[[nodiscard]] std::span<const OnnxOp> make_ops();
[[nodiscard]] std::span<const OnnxOp> window_ops();
[[nodiscard]] std::span<const OnnxOp> layer_ops();
[[nodiscard]] std::span<const OnnxOp> norm_ops();
[[nodiscard]] std::span<const OnnxOp> quantized_ops();

// Null: no operator of that name, or not of that opset.
[[nodiscard]] const OnnxOp* find_onnx_op(std::string_view domain, std::string_view name, std::int64_t opset);

class Importer {
 public:
  // Empties the model's tensors on its way. `weights`: raw_data of the graph's initializers that the message lacks
  // (lean.hpp).
  Importer(::onnx::ModelProto& model, std::span<const ByteView> weights, std::string_view name)
      : model_(model), weights_(weights), name_(name) {}

  [[nodiscard]] Result<graph::Graph> run();

  // For If: the graph of `proto` inside `outer`.
  [[nodiscard]] Result<void> read_body(const ::onnx::GraphProto& proto, Builder& body);
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  using Opsets = std::map<std::string, std::int64_t>;

  [[nodiscard]] Result<void> read_opsets();
  [[nodiscard]] Result<void> read_functions();
  [[nodiscard]] Result<void> check_operators();
  void collect_unknown(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes, const Opsets& opsets,
                       std::size_t depth);
  [[nodiscard]] Result<void> read_graph(::onnx::GraphProto& proto, std::span<const ByteView> weights, Builder& builder);
  [[nodiscard]] Result<void> read_inputs(const ::onnx::GraphProto& proto, Builder& builder);
  [[nodiscard]] Result<void> read_input(const ::onnx::ValueInfoProto& info, Builder& builder);
  [[nodiscard]] Result<void> read_outputs(const ::onnx::GraphProto& proto, Builder& builder);
  [[nodiscard]] Result<void> read_nodes(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes,
                                        Builder& builder);
  [[nodiscard]] Result<void> read_node(const ::onnx::NodeProto& node, std::size_t at, Builder& builder);
  [[nodiscard]] Result<void> read_call(const ::onnx::NodeProto& node, const OnnxOp& row, std::int64_t opset,
                                       Builder& builder);
  [[nodiscard]] Result<void> inline_function(const ::onnx::NodeProto& node, const ::onnx::FunctionProto& function,
                                             Builder& builder);
  [[nodiscard]] const ::onnx::FunctionProto* function_of(const ::onnx::NodeProto& node) const;
  [[nodiscard]] Result<void> refusals() const;
  void add_refusal(std::string why);

  ::onnx::ModelProto& model_;
  std::span<const ByteView> weights_;
  std::string name_;
  Opsets opsets_;
  std::map<std::pair<std::string, std::string>, const ::onnx::FunctionProto*> functions_;
  std::size_t function_depth_ = 0;
  std::size_t nodes_ = 0;  // of all graphs, functions as often as they are called
  std::vector<std::string> refused_;
  std::size_t refused_count_ = 0;
};

}  // namespace lichen::formats
