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
#include "tensor/quantization.hpp"
#include "tensor/tensor.hpp"

namespace lichen::graph {

enum class Op : std::uint8_t {
  kAdd,
  kAveragePool2D,
  kConv2D,
  kDepthwiseConv2D,
  kDequantize,
  kFullyConnected,
  kLogistic,
  kMaxPool2D,
  kMul,
  kQuantize,
  kRelu,
  kRelu6,
  kReshape,
  kSoftmax,
};

using TensorId = std::int32_t;             // index into Graph::tensors
inline constexpr TensorId kNoTensor = -1;  // an optional input that is not there

struct Tensor {
  tensor::TensorSpec spec;
  tensor::Quantization quantization;     // empty where the tensor is not quantized
  std::optional<tensor::Data> constant;  // weights; absent: computed or a graph input
};

// Inputs and outputs of each op: src/graph/ops/<op>.cpp.
struct Node {
  Op op = Op::kAdd;
  std::string name;  // for people: profiles and errors
  Attributes attributes;
  std::vector<TensorId> inputs;
  std::vector<TensorId> outputs;
};

struct Graph {
  std::string name;
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  // in an order in which they can run
  std::vector<TensorId> inputs;
  std::vector<TensorId> outputs;

  // Appends and returns the new index: for graphs made by hand.
  TensorId add(Tensor tensor);
  TensorId add(std::string name, tensor::DType dtype, tensor::Shape shape, tensor::Quantization quantization = {});
  TensorId add_constant(std::string name, tensor::Shape shape, std::span<const float> values);
  TensorId add_constant(std::string name, tensor::Shape shape, std::span<const std::int8_t> values,
                        tensor::Quantization quantization);
  TensorId add_constant(std::string name, tensor::Shape shape, std::span<const std::int32_t> values,
                        tensor::Quantization quantization = {});

  [[nodiscard]] const Tensor& tensor(TensorId id) const { return tensors[static_cast<std::size_t>(id)]; }
};

}  // namespace lichen::graph
