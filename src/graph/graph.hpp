// SPDX-License-Identifier: Apache-2.0
// A model as a list of nodes over a list of tensors, images in NHWC. This is what formats are read into, what the
// engine runs and what tools rewrite. It is data: make one by filling the vectors, then verify() it (verify.hpp)
// before anything else uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/ops/attributes.hpp"
#include "graph/ops/op.hpp"
#include "tensor/quantization.hpp"
#include "tensor/tensor.hpp"

namespace lichen::graph {

using TensorId = std::int32_t;             // index into Graph::tensors
inline constexpr TensorId kNoTensor = -1;  // an optional input that is not there

struct Tensor {
  tensor::TensorSpec spec;               // shape unknown: nor is the type; infer_types() or the engine finds both
  tensor::Quantization quantization;     // empty where the tensor is not quantized
  std::optional<tensor::Data> constant;  // weights; absent: computed or a graph input
};

// Inputs and outputs of each op: graph/ops/op.hpp.
struct Node {
  Op op = Op::kIdentity;
  std::string name;  // for people: profiles and errors
  Attributes attributes;
  std::vector<TensorId> inputs;
  std::vector<TensorId> outputs;
};

// State that lives from run to run: what ReadVariable reads and AssignVariable writes.
struct Variable {
  std::string name;
  tensor::TensorSpec spec;
  tensor::Quantization quantization;
  std::optional<tensor::Data> initial;  // absent: all 0
};

// A dimension of a graph input that the model leaves open; the input's shape holds the size that is planned for.
struct FreeDimension {
  std::size_t input = 0;  // place in Graph::inputs
  std::size_t axis = 0;
  std::string symbol;  // "batch"; may be empty
};

// How integer layers bring a sum to their output's scale.
enum class IntegerRounding : std::uint8_t {
  kFixedPoint,   // TFLite: by a fixed-point multiplier, as its reference kernels do for each op
  kNearestEven,  // ONNX: in float, halves to even
};

struct Graph {
  // Not inline: to copy and to destroy all kinds of attributes is 20 KB in every file that does.
  Graph();
  ~Graph();
  Graph(const Graph&);
  Graph& operator=(const Graph&);
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;

  std::string name;
  IntegerRounding rounding = IntegerRounding::kFixedPoint;
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  // in an order in which they can run
  std::vector<TensorId> inputs;
  std::vector<TensorId> outputs;
  std::vector<FreeDimension> free_dimensions;
  std::vector<Variable> variables;
  std::vector<Graph> subgraphs;  // bodies of If; they use the variables of the graph that holds them

  // Appends and returns the new index: for graphs made by hand.
  TensorId add(Tensor tensor);
  TensorId add(std::string name, tensor::DType dtype, tensor::Shape shape, tensor::Quantization quantization = {});
  TensorId add_constant(std::string name, tensor::Shape shape, std::span<const float> values);
  TensorId add_constant(std::string name, tensor::Shape shape, std::span<const std::int64_t> values);
  TensorId add_constant(std::string name, tensor::Shape shape, std::span<const std::int8_t> values,
                        tensor::Quantization quantization);
  TensorId add_constant(std::string name, tensor::Shape shape, std::span<const std::int32_t> values,
                        tensor::Quantization quantization = {});

  // A tensor whose type and shape are to be inferred.
  TensorId add_unknown(std::string name);

  [[nodiscard]] const Tensor& tensor(TensorId id) const { return tensors[static_cast<std::size_t>(id)]; }
  [[nodiscard]] Tensor& tensor(TensorId id) { return tensors[static_cast<std::size_t>(id)]; }
};

}  // namespace lichen::graph
