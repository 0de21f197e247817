// SPDX-License-Identifier: Apache-2.0
// A float model with every op that is quantized, and inputs for it.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/mix.hpp"
#include "graph/graph.hpp"

namespace lichen::testing {

inline Bytes sample_of(std::span<const float> values) {
  const ByteView bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

inline std::vector<float> noise(std::size_t count, std::uint64_t seed, float scale = 1) {
  SplitMix64 random(seed);
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(scale * (static_cast<float>(random.below(20'001)) / 10'000.0F - 1.0F));
  }
  return values;
}

// Conv2D (with and without bias), DepthwiseConv2D, Relu, Relu6, both poolings, Add and Mul (with a constant too),
// Reshape, FullyConnected, Logistic.
inline graph::Graph every_op() {
  using graph::Activation, graph::Attributes, graph::Conv2DAttributes, graph::DepthwiseConv2DAttributes;
  using graph::ElementwiseAttributes, graph::FullyConnectedAttributes, graph::UnaryAttributes, graph::Pool2DAttributes;
  using graph::Graph, graph::Op, graph::ReshapeAttributes, graph::TensorId;
  constexpr auto kF32 = tensor::DType::kF32;
  Graph g;
  g.name = "every-op";
  const auto constant = [&](const char* name, tensor::Shape shape, std::uint64_t seed, float scale) {
    const std::vector<float> values = noise(static_cast<std::size_t>(shape.elements()), seed, scale);
    return g.add_constant(name, shape, std::span<const float>(values));
  };
  const auto node = [&](Op op, const char* name, Attributes attributes, std::vector<TensorId> inputs,
                        tensor::Shape shape) {
    const TensorId out = g.add(name, kF32, shape);
    g.nodes.push_back({op, name, std::move(attributes), std::move(inputs), {out}});
    return out;
  };
  const TensorId in = g.add("in", kF32, {1, 8, 8, 3});
  const TensorId conv = node(Op::kConv2D, "conv", Conv2DAttributes{},
                             {in, constant("w1", {8, 3, 3, 3}, 1, 0.5F), constant("b1", {8}, 2, 0.3F)}, {1, 8, 8, 8});
  const TensorId relu = node(Op::kRelu, "relu", UnaryAttributes{}, {conv}, {1, 8, 8, 8});
  const TensorId depthwise =
      node(Op::kDepthwiseConv2D, "depthwise", DepthwiseConv2DAttributes{},
           {relu, constant("w2", {1, 3, 3, 8}, 3, 0.5F), constant("b2", {8}, 4, 0.3F)}, {1, 8, 8, 8});
  const TensorId six = node(Op::kRelu6, "relu6", UnaryAttributes{}, {depthwise}, {1, 8, 8, 8});
  const TensorId sum = node(Op::kAdd, "add", ElementwiseAttributes{Activation::kRelu}, {relu, six}, {1, 8, 8, 8});
  const TensorId shifted =
      node(Op::kAdd, "add-constant", ElementwiseAttributes{}, {sum, constant("c", {8}, 5, 1)}, {1, 8, 8, 8});
  const TensorId scaled =
      node(Op::kMul, "mul", ElementwiseAttributes{}, {shifted, constant("m", {8}, 6, 1)}, {1, 8, 8, 8});
  Pool2DAttributes two;
  two.filter_h = two.filter_w = two.stride_h = two.stride_w = 2;
  const TensorId pooled = node(Op::kMaxPool2D, "max", two, {scaled}, {1, 4, 4, 8});
  const TensorId averaged = node(Op::kAveragePool2D, "average", two, {pooled}, {1, 2, 2, 8});
  const TensorId again = node(Op::kConv2D, "conv-again", Conv2DAttributes{},
                              {averaged, constant("w3", {4, 1, 1, 8}, 7, 0.5F)}, {1, 2, 2, 4});
  const TensorId flat = node(Op::kReshape, "reshape", ReshapeAttributes{{1, 16}}, {again}, {1, 16});
  const TensorId full = node(Op::kFullyConnected, "full", FullyConnectedAttributes{},
                             {flat, constant("w4", {6, 16}, 8, 0.4F), constant("b4", {6}, 9, 0.3F)}, {1, 6});
  const TensorId out = node(Op::kLogistic, "logistic", UnaryAttributes{}, {full}, {1, 6});
  g.inputs = {in};
  g.outputs = {out};
  return g;
}

inline std::vector<Bytes> every_op_samples() {
  std::vector<Bytes> samples;
  for (std::uint64_t i = 0; i < 64; ++i) samples.push_back(sample_of(noise(192, 100 + i)));
  return samples;
}

}  // namespace lichen::testing
