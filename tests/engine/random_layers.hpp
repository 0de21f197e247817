// SPDX-License-Identifier: Apache-2.0
// Random layers as graphs of one node, for comparing kernels with each other.
#pragma once

#include <random>
#include <vector>

#include "base/bytes.hpp"
#include "graph/graph.hpp"
#include "graph/ops/window.hpp"

namespace lichen::testing {

using graph::Graph;
using graph::Op;
using tensor::DType;
using tensor::Shape;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int32_t between(std::int32_t low, std::int32_t high) {
    return low + static_cast<std::int32_t>(engine_() % static_cast<unsigned>(high - low + 1));
  }
  float real() { return static_cast<float>(between(-1000, 1000)) / 1000.0F; }
  float scale(float low, float high) { return low + (high - low) * static_cast<float>(between(0, 10000)) / 10000.0F; }

 private:
  std::mt19937 engine_;
};

struct Types {
  DType dtype;
  bool hybrid = false;
};

inline tensor::Quantization activation_scale(Random& random, DType dtype, float low, float high) {
  if (dtype == DType::kF32) return {};
  const std::int32_t middle = dtype == DType::kU8 ? 128 : 0;
  return tensor::per_tensor(random.scale(low, high), middle + random.between(-128, 127));
}

inline graph::TensorId add_weights(Graph& g, Random& random, Types types, const Shape& shape, std::size_t axis) {
  const auto count = static_cast<std::size_t>(shape.elements());
  if (types.dtype == DType::kF32 && !types.hybrid) {
    std::vector<float> values(count);
    for (float& v : values) v = random.real();
    return g.add_constant("weights", shape, std::span<const float>(values));
  }
  Bytes bytes(count);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.between(0, 255));
  tensor::Quantization q;
  const bool channels = types.dtype == DType::kI8 && random.between(0, 2) > 0;
  const std::size_t scales = channels ? static_cast<std::size_t>(shape[axis]) : 1;
  for (std::size_t i = 0; i < scales; ++i) q.scales.push_back(random.scale(0.0001F, 0.02F));
  q.zero_points.assign(scales, types.dtype == DType::kU8 ? random.between(0, 255) : 0);
  q.axis = axis;
  return g.add({{"weights", types.hybrid ? DType::kI8 : types.dtype, shape}, q, tensor::Data::own(bytes)});
}

inline graph::TensorId add_bias(Graph& g, Random& random, Types types, std::int64_t channels) {
  if (random.between(0, 3) == 0) return graph::kNoTensor;
  if (types.dtype == DType::kF32) {
    std::vector<float> values(static_cast<std::size_t>(channels));
    for (float& v : values) v = random.real();
    return g.add_constant("bias", {channels}, std::span<const float>(values));
  }
  std::vector<std::int32_t> values(static_cast<std::size_t>(channels));
  for (std::int32_t& v : values) v = random.between(-100000, 100000);
  return g.add_constant("bias", {channels}, std::span<const std::int32_t>(values));
}

inline graph::Activation any_activation(Random& random) {
  return static_cast<graph::Activation>(random.between(0, 3));
}

inline void finish(Graph& g, Random& random, Types types, graph::Node node, const Shape& in, const Shape& weights,
                   std::size_t axis, const Shape& out) {
  const auto x = g.add("in", types.dtype, in, activation_scale(random, types.dtype, 0.01F, 0.2F));
  const auto w = add_weights(g, random, types, weights, axis);
  const auto bias = add_bias(g, random, types, out.dims().back());
  const auto y = g.add("out", types.dtype, out, activation_scale(random, types.dtype, 0.01F, 1.0F));
  node.inputs = {x, w, bias};
  node.outputs = {y};
  g.nodes.push_back(std::move(node));
  g.inputs = {x};
  g.outputs = {y};
}

// False where the random window does not fit into the random image.
inline bool random_convolution(Graph& g, Random& random, Types types, bool depthwise) {
  const std::int64_t in_c = random.between(1, 40);
  const std::int64_t multiplier = depthwise && random.between(0, 4) == 0 ? random.between(1, 3) : 1;
  const std::int64_t out_c = depthwise ? in_c * multiplier : random.between(1, 40);
  graph::DepthwiseConv2DAttributes a;
  a.padding = static_cast<graph::Padding>(random.between(0, 1));
  a.stride_h = random.between(1, 3), a.stride_w = random.between(1, 3);
  a.dilation_h = random.between(1, 2), a.dilation_w = random.between(1, 2);
  a.activation = any_activation(random);
  a.depth_multiplier = static_cast<std::int32_t>(multiplier);
  const std::int64_t kh = random.between(1, 5);
  const std::int64_t kw = random.between(1, 5);
  const Shape in{random.between(1, 2), random.between(1, 14), random.between(1, 14), in_c};
  const auto h = graph::window_of(in[1], graph::rule_h(a, kh));
  const auto w = graph::window_of(in[2], graph::rule_w(a, kw));
  if (!h || !w) return false;
  const Shape out{in[0], h->out, w->out, out_c};
  if (depthwise) {
    finish(g, random, types, {Op::kDepthwiseConv2D, "layer", a, {}, {}}, in, {1, kh, kw, out_c}, 3, out);
  } else {
    const graph::Conv2DAttributes c{a.padding, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w, a.activation};
    finish(g, random, types, {Op::kConv2D, "layer", c, {}, {}}, in, {out_c, kh, kw, in_c}, 0, out);
  }
  return true;
}

inline bool random_fully_connected(Graph& g, Random& random, Types types) {
  const std::int64_t rows = random.between(1, 8);
  const std::int64_t units = random.between(1, 50);
  const std::int64_t depth = random.between(1, 200);
  finish(g, random, types,
         {Op::kFullyConnected, "layer", graph::FullyConnectedAttributes{any_activation(random), false}, {}, {}},
         {rows, depth}, {units, depth}, 0, {rows, units});
  return true;
}

inline bool random_unary(graph::Graph& g, Random& random, Types types, graph::Op op) {
  const tensor::Shape shape{random.between(1, 3), random.between(1, 300)};
  const auto x = g.add("x", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.1F));
  const auto y = g.add("y", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.1F));
  g.nodes.push_back({op, "unary", graph::UnaryAttributes{random.scale(0.1F, 0.3F), 0.5F}, {x}, {y}});
  g.inputs = {x};
  g.outputs = {y};
  return true;
}

inline bool random_softmax(graph::Graph& g, Random& random, Types types) {
  const tensor::Shape shape{random.between(1, 5), random.between(1, 300)};
  const auto x = g.add("x", types.dtype, shape, {});
  const auto y = g.add("y", types.dtype, shape, {});
  graph::SoftmaxAttributes a;
  a.beta = random.scale(0.1F, 30.0F);
  g.nodes.push_back({graph::Op::kSoftmax, "softmax", a, {x}, {y}});
  g.inputs = {x};
  g.outputs = {y};
  return true;
}

// Large enough to be shared out over threads.
inline bool random_large_convolution(graph::Graph& g, Random& random, Types types) {
  const std::int64_t in_c = random.between(30, 70);
  const std::int64_t out_c = random.between(1, 4) == 1 ? random.between(200, 300) : random.between(30, 70);
  graph::Conv2DAttributes a;
  a.padding = static_cast<graph::Padding>(random.between(0, 1));
  a.activation = any_activation(random);
  const std::int64_t k = random.between(0, 1) == 0 ? 1 : 3;
  const std::int64_t side = out_c > 100 ? random.between(5, 8) : random.between(24, 34);
  const tensor::Shape in{1, side, side + 1, in_c};
  const auto h = graph::window_of(in[1], graph::rule_h(a, k));
  const auto w = graph::window_of(in[2], graph::rule_w(a, k));
  if (!h || !w) return false;
  finish(g, random, types, {graph::Op::kConv2D, "layer", a, {}, {}}, in, {out_c, k, k, in_c}, 0,
         {1, h->out, w->out, out_c});
  return true;
}

// Whose padding threads share out by rows: as many rows as two and three threads have equal parts of.
inline bool random_padded_convolution(graph::Graph& g, Random& random, Types types) {
  const std::int64_t in_c = random.between(4, 16);
  const std::int64_t out_c = random.between(20, 50);
  graph::Conv2DAttributes a;
  a.padding = graph::Padding::kSame;
  a.activation = any_activation(random);
  a.stride_h = a.stride_w = random.between(1, 2);
  a.dilation_h = a.dilation_w = a.stride_h == 1 ? random.between(1, 2) : 1;
  const std::int64_t k = random.between(0, 2) == 0 ? 5 : 3;
  const tensor::Shape out{1, 12 * random.between(1, 2), random.between(8, 24), out_c};
  const tensor::Shape in{1, out[1] * a.stride_h, out[2] * a.stride_w, in_c};
  finish(g, random, types, {graph::Op::kConv2D, "layer", a, {}, {}}, in, {out_c, k, k, in_c}, 0, out);
  return true;
}

// One input is the other one's shape with some axes of size 1, or fewer axes; sometimes both are whole.
inline tensor::Shape without_some_axes(Random& random, const tensor::Shape& shape) {
  std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
  for (std::int64_t& d : dims) d = random.between(0, 2) == 0 ? 1 : d;
  const auto dropped = static_cast<std::size_t>(random.between(0, 3) == 0 ? random.between(0, 2) : 0);
  return tensor::Shape(std::span(dims).subspan(dropped));
}

inline bool random_binary(graph::Graph& g, Random& random, Types types, graph::Op op) {
  const tensor::Shape shape{random.between(1, 3), random.between(1, 5), random.between(1, 4), random.between(1, 150)};
  const tensor::Shape a = random.between(0, 3) == 0 ? without_some_axes(random, shape) : shape;
  const tensor::Shape b = a == shape && random.between(0, 1) == 0 ? without_some_axes(random, shape) : shape;
  const auto x = g.add("x", types.dtype, a, activation_scale(random, types.dtype, 0.001F, 0.3F));
  const auto y = g.add("y", types.dtype, b, activation_scale(random, types.dtype, 0.001F, 0.3F));
  const auto z = g.add("z", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.3F));
  g.nodes.push_back({op, "binary", graph::ElementwiseAttributes{any_activation(random)}, {x, y}, {z}});
  g.inputs = {x, y};
  g.outputs = {z};
  return true;
}

inline bool random_pool(graph::Graph& g, Random& random, Types types, graph::Op op) {
  graph::Pool2DAttributes a;
  a.padding = static_cast<graph::Padding>(random.between(0, 1));
  a.filter_h = random.between(1, 5), a.filter_w = random.between(1, 5);
  a.stride_h = random.between(1, 3), a.stride_w = random.between(1, 3);
  a.activation = any_activation(random);
  const tensor::Shape in{random.between(1, 2), random.between(1, 14), random.between(1, 14), random.between(1, 150)};
  const auto h = graph::window_of(in[1], graph::rule_h(a, a.filter_h));
  const auto w = graph::window_of(in[2], graph::rule_w(a, a.filter_w));
  if (!h || !w) return false;
  const auto q = activation_scale(random, types.dtype, 0.01F, 0.2F);
  const auto x = g.add("in", types.dtype, in, q);
  const auto y = g.add("out", types.dtype, {in[0], h->out, w->out, in[3]}, q);
  g.nodes.push_back({op, "pool", a, {x}, {y}});
  g.inputs = {x};
  g.outputs = {y};
  return true;
}

inline bool random_add(Graph& g, Random& random, Types types) {
  const Shape shape{random.between(1, 3), random.between(1, 70)};
  const auto x = g.add("x", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.3F));
  const auto y = g.add("y", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.3F));
  const auto z = g.add("z", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.3F));
  g.nodes.push_back({Op::kAdd, "add", graph::ElementwiseAttributes{any_activation(random)}, {x, y}, {z}});
  g.inputs = {x, y};
  g.outputs = {z};
  return true;
}

}  // namespace lichen::testing
