// SPDX-License-Identifier: Apache-2.0
// One ONNX node while it is translated: its inputs, attributes and outputs, and the nodes that it becomes. The first
// error sticks: from then on everything answers with defaults, nothing is added, and the caller reports that error. So
// a translation is written as plain expressions.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/builder.hpp"
#include "onnx/half.hpp"

namespace lichen::formats {

class Call;
class Importer;

// A row of the table of operators.
struct OnnxOp {
  std::string_view name;
  std::int64_t since = 1;  // the first opset that has it
  Ids (*translate)(Call&) = nullptr;
  graph::Op op = graph::Op::kCount;  // for translations that several operators share
  std::string_view domain = {};
};

class Call {
 public:
  Call(Importer& importer, Builder& builder, const ::onnx::NodeProto& node, const OnnxOp& row, std::int64_t opset);

  [[nodiscard]] std::int64_t opset() const { return opset_; }
  [[nodiscard]] graph::Op op() const { return row_.op; }

  // Inputs. in() refuses the node where there is none, optional() gives kNoTensor.
  [[nodiscard]] std::size_t input_count() const { return inputs_.size(); }
  [[nodiscard]] bool has(std::size_t i) const { return i < inputs_.size() && inputs_[i] != graph::kNoTensor; }
  [[nodiscard]] graph::TensorId in(std::size_t i);
  [[nodiscard]] graph::TensorId optional(std::size_t i);
  [[nodiscard]] Ids all_inputs();
  [[nodiscard]] bool wants(std::size_t output) const;
  [[nodiscard]] std::size_t output_count() const;

  // Attributes, with what they are where the node has none. Those that no translation asks for are refused.
  [[nodiscard]] bool has_attribute(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise);
  [[nodiscard]] std::int32_t int32(std::string_view name, std::int32_t otherwise);
  [[nodiscard]] bool flag(std::string_view name, bool otherwise = false) { return integer(name, otherwise ? 1 : 0) != 0; }
  [[nodiscard]] float real(std::string_view name, float otherwise);
  [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise);
  [[nodiscard]] Dims integers(std::string_view name);
  [[nodiscard]] std::vector<float> reals(std::string_view name);
  [[nodiscard]] std::vector<std::string> texts(std::string_view name);
  [[nodiscard]] const ::onnx::TensorProto* tensor_attribute(std::string_view name);
  [[nodiscard]] const ::onnx::GraphProto* graph_attribute(std::string_view name);
  void ignore(std::string_view attribute) { used_.insert(std::string(attribute)); }

  // Tensors. Null or nullopt: not known yet (or there is none).
  [[nodiscard]] const tensor::Shape* shape(graph::TensorId id) const;
  [[nodiscard]] std::optional<std::size_t> rank(graph::TensorId id) const;
  [[nodiscard]] std::size_t need_rank(graph::TensorId id);  // refuses the node
  [[nodiscard]] std::optional<tensor::DType> dtype(graph::TensorId id) const;
  [[nodiscard]] bool is_constant(graph::TensorId id) const;
  [[nodiscard]] std::optional<Dims> constant_integers(graph::TensorId id) const;
  [[nodiscard]] std::optional<std::vector<float>> constant_floats(graph::TensorId id) const;
  [[nodiscard]] std::optional<bool> constant_bool(graph::TensorId id) const;  // of one element

  // New constants.
  [[nodiscard]] graph::TensorId ints(std::span<const std::int64_t> values);  // [n]
  [[nodiscard]] graph::TensorId ints(std::initializer_list<std::int64_t> values);
  [[nodiscard]] graph::TensorId scalar(std::int64_t value);
  [[nodiscard]] graph::TensorId scalar(float value);
  [[nodiscard]] graph::TensorId truth(bool value);
  [[nodiscard]] graph::TensorId floats(std::span<const float> values, const tensor::Shape& shape);
  [[nodiscard]] graph::TensorId constant(const ::onnx::TensorProto& from);

  // New nodes.
  graph::TensorId emit(graph::Op op, graph::Attributes attributes, Ids inputs);
  Ids emit_all(graph::Op op, graph::Attributes attributes, Ids inputs, const std::vector<bool>& wanted);
  graph::TensorId binary(graph::Op op, graph::TensorId a, graph::TensorId b);
  graph::TensorId unary(graph::Op op, graph::TensorId x, float alpha = 0.0F, float beta = 0.0F);
  // The same elements in another order or shape; done here where they are constant.
  graph::TensorId permuted(graph::TensorId id, std::vector<std::int32_t> permutation);
  graph::TensorId reshaped(graph::TensorId id, const Dims& dims);
  void hint_rank(graph::TensorId id, std::optional<std::size_t> rank) { builder_.hint(id, Hint{rank, std::nullopt}); }

  // If: both branches as subgraphs of the graph, with what either takes from here as inputs of both.
  Ids branch(graph::TensorId condition);

  void refuse(std::string why) { stop(Code::kUnsupported, std::move(why)); }
  void bad(std::string why) { stop(Code::kBadInput, std::move(why)); }
  void stop(Code code, std::string why);
  [[nodiscard]] bool failed() const { return error_.has_value(); }

  // f16 (onnx/half.hpp): for the importer, before and after the translation; for a translation that knows the type of its
  // outputs better.
  void widen_inputs(const HalfRule& rule);
  void narrow_outputs(const HalfRule& rule, Ids& outputs);
  void give_halves(bool gives) { gives_halves_ = gives; }
  // Of an f16 tensor: the f32 one that it was narrowed from; kNoTensor: it was not.
  [[nodiscard]] graph::TensorId before_narrowing(graph::TensorId id);

  // For the importer: what is left unused, and the error.
  void check_all_used();
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  [[nodiscard]] const ::onnx::AttributeProto* find(std::string_view name, ::onnx::AttributeProto::AttributeType type);
  void stop(Error error);

  Importer& importer_;
  Builder& builder_;
  const ::onnx::NodeProto& node_;
  const OnnxOp& row_;
  std::int64_t opset_;
  Ids inputs_;
  std::set<std::size_t> used_inputs_;
  std::set<std::string, std::less<>> used_;
  std::string name_;  // of the nodes that it becomes
  std::optional<Error> error_;
  bool gives_halves_ = false;  // outputs in f32 are to be narrowed

  friend class Importer;
};

}  // namespace lichen::formats
