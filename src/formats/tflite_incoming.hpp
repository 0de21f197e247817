// SPDX-License-Identifier: Apache-2.0
// One operator of a file on its way into a graph. What the rows of the op table see of the reader. Internal to this
// folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/tflite_ops.hpp"

namespace lichen::formats {

class TfliteVariables;

class Incoming {
 public:
  Incoming(const tflite::Operator& from, graph::Graph& graph, TfliteVariables& variables);

  [[nodiscard]] const tflite::Operator& from() const { return from_; }
  [[nodiscard]] graph::Graph& graph() { return graph_; }
  [[nodiscard]] TfliteVariables& variables() { return variables_; }

  // Indices of tensors that exist, or kNoTensor.
  std::vector<graph::TensorId> inputs;
  std::vector<graph::TensorId> outputs;

  // Refuses other numbers of tensors; the first `required` inputs and all outputs may not be absent.
  Result<void> expect(std::size_t inputs_min, std::size_t inputs_max, std::size_t outputs_min, std::size_t outputs_max,
                      std::size_t required);
  Result<void> expect(std::size_t inputs_count, std::size_t outputs_count) {
    return expect(inputs_count, inputs_count, outputs_count, outputs_count, inputs_count);
  }

  [[nodiscard]] const graph::Tensor& tensor(graph::TensorId id) const { return graph_.tensor(id); }
  // The value of input i, which must be a constant i32 or i64; `what` names it in the error.
  Result<std::vector<std::int64_t>> integers(std::size_t i, std::string_view what) const;
  Result<std::int64_t> integer(std::size_t i, std::string_view what) const;

  // A new tensor between nodes, of the type and quantization of another; its shape is inferred.
  graph::TensorId temporary(graph::TensorId like);
  graph::TensorId temporary(tensor::DType dtype);
  graph::TensorId constant(tensor::Shape shape, std::span<const std::int32_t> values);
  graph::TensorId constant(std::int32_t value) { return constant({1}, std::span(&value, 1)); }
  graph::TensorId constant(float value);
  // One element, 0, of any type.
  graph::TensorId zero(tensor::DType dtype, const tensor::Shape& shape = {1});

  void add(graph::Op op, graph::Attributes attributes, std::vector<graph::TensorId> node_inputs,
           std::vector<graph::TensorId> node_outputs);
  // Where output i goes before an activation that its op does not compute: a node for it is added by activate().
  Result<graph::TensorId> before_activation(graph::Activation activation);
  void activate(graph::Activation activation, graph::TensorId before);

 private:
  std::string temporary_name();

  const tflite::Operator& from_;
  graph::Graph& graph_;
  TfliteVariables& variables_;
  std::size_t made_ = 0;
};

}  // namespace lichen::formats
