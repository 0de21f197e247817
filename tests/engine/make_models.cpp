// SPDX-License-Identifier: Apache-2.0
// engine_make_models FOLDER: writes the small models of tests/engine/golden/models and fuzz/corpus/tflite, one for each
// op and type that the models of the shared data do not show. Weights are seeded; the same run gives the same bytes.
#include <fstream>
#include <functional>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "formats/tflite.hpp"
#include "graph/graph.hpp"
#include "op_graphs.hpp"

namespace {

using namespace lichen;
using graph::Graph;
using graph::Op;
using graph::TensorId;
using tensor::DType;
using tensor::per_tensor;
using tensor::Quantization;
using tensor::Shape;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::int32_t between(std::int32_t low, std::int32_t high) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return low + static_cast<std::int32_t>((state_ >> 33) % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint64_t state_;
};

std::size_t count_of(const Shape& shape) {
  return static_cast<std::size_t>(shape.elements());
}

std::vector<std::int8_t> bytes(Random& random, std::size_t count) {
  std::vector<std::int8_t> values(count);
  for (auto& v : values) v = static_cast<std::int8_t>(random.between(-127, 127));
  return values;
}
std::vector<std::int32_t> biases(Random& random, std::size_t count) {
  std::vector<std::int32_t> values(count);
  for (auto& v : values) v = random.between(-3000, 3000);
  return values;
}
std::vector<float> floats(Random& random, std::size_t count) {
  std::vector<float> values(count);
  for (auto& v : values) v = static_cast<float>(random.between(-1000, 1000)) / 1000.0F;
  return values;
}

Quantization channels(Random& random, std::size_t count, std::size_t axis) {
  Quantization q;
  q.axis = axis;
  for (std::size_t i = 0; i < count; ++i) q.scales.push_back(static_cast<float>(random.between(10, 90)) / 10000.0F);
  q.zero_points.assign(count, 0);
  return q;
}

struct Layer {
  Op op;
  graph::Attributes attributes;
  Shape in, weights, out;
  std::size_t axis = 0;
  bool per_channel = true;
};

// One layer with weights and bias, in f32 (float weights), i8, or as f32 over i8 weights ("hybrid").
Graph weighted(const Layer& layer, DType dtype, bool hybrid = false) {
  Random random(count_of(layer.weights));
  Graph g;
  g.name = "weighted";
  const bool integer = dtype == DType::kI8;
  const auto n = static_cast<std::size_t>(layer.out.dims().back());
  const Quantization none;
  const TensorId in = g.add("in", dtype, layer.in, integer ? per_tensor(0.05F, 3) : none);
  TensorId weights = 0;
  TensorId bias = 0;
  if (integer || hybrid) {
    const Quantization q = layer.per_channel ? channels(random, n, layer.axis) : per_tensor(0.004F, 0);
    weights = g.add_constant("weights", layer.weights,
                             std::span<const std::int8_t>(bytes(random, count_of(layer.weights))), q);
  } else {
    weights = g.add_constant("weights", layer.weights, std::span<const float>(floats(random, count_of(layer.weights))));
  }
  if (integer) {
    Quantization q = g.tensor(weights).quantization;
    for (float& scale : q.scales) scale *= 0.05F;
    q.axis = 0;
    bias = g.add_constant("bias", Shape{static_cast<std::int64_t>(n)}, std::span<const std::int32_t>(biases(random, n)),
                          q);
  } else {
    bias = g.add_constant("bias", Shape{static_cast<std::int64_t>(n)}, std::span<const float>(floats(random, n)));
  }
  const TensorId out = g.add("out", dtype, layer.out, integer ? per_tensor(0.11F, -7) : none);
  g.nodes.push_back({layer.op, "layer", layer.attributes, {in, weights, bias}, {out}});
  g.inputs = {in};
  g.outputs = {out};
  return g;
}

// One node without weights.
Graph plain(Op op, graph::Attributes attributes, std::vector<graph::Tensor> inputs, graph::Tensor output) {
  Graph g;
  g.name = "plain";
  graph::Node node{op, "node", std::move(attributes), {}, {}};
  for (graph::Tensor& input : inputs) {
    const bool constant = input.constant.has_value();
    const TensorId id = g.add(std::move(input));
    node.inputs.push_back(id);
    if (!constant) g.inputs.push_back(id);
  }
  node.outputs = {g.add(std::move(output))};
  g.outputs = node.outputs;
  g.nodes.push_back(std::move(node));
  return g;
}

graph::Tensor value(std::string name, DType dtype, Shape shape, Quantization q = {}) {
  return {{std::move(name), dtype, shape}, std::move(q), {}};
}

std::string_view suffix(DType dtype) {
  return name_of(dtype);
}

using Emit = std::function<void(const std::string&, const Graph&)>;

void weighted_models(const Emit& emit) {
  using graph::Activation;
  using graph::Padding;
  const Layer conv{Op::kConv2D,
                   graph::Conv2DAttributes{Padding::kSame, 2, 1, 1, 1, Activation::kRelu6},
                   {1, 7, 9, 5},
                   {11, 3, 3, 5},
                   {1, 4, 9, 11}};
  const Layer dilated{Op::kConv2D,
                      graph::Conv2DAttributes{Padding::kValid, 1, 1, 2, 3, Activation::kNone},
                      {2, 8, 9, 3},
                      {18, 3, 2, 3},
                      {2, 4, 6, 18}};
  const Layer point{Op::kConv2D,
                    graph::Conv2DAttributes{Padding::kSame, 1, 1, 1, 1, Activation::kReluN1To1},
                    {1, 5, 5, 19},
                    {33, 1, 1, 19},
                    {1, 5, 5, 33}};
  const Layer depth{
      Op::kDepthwiseConv2D, graph::DepthwiseConv2DAttributes{Padding::kSame, 1, 2, 1, 1, Activation::kRelu, 1},
      {1, 7, 8, 21},        {1, 3, 3, 21},
      {1, 7, 4, 21},        3};
  const Layer multiplied{
      Op::kDepthwiseConv2D, graph::DepthwiseConv2DAttributes{Padding::kSame, 1, 1, 2, 2, Activation::kNone, 3},
      {1, 6, 6, 4},         {1, 3, 3, 12},
      {1, 6, 6, 12},        3};
  const Layer single{
      Op::kDepthwiseConv2D, graph::DepthwiseConv2DAttributes{Padding::kSame, 2, 2, 1, 1, Activation::kNone, 9},
      {1, 9, 8, 1},         {1, 4, 3, 9},
      {1, 5, 4, 9},         3};
  Layer full{
      Op::kFullyConnected, graph::FullyConnectedAttributes{Activation::kNone, false}, {3, 37}, {21, 37}, {3, 21}};
  for (const DType dtype : {DType::kF32, DType::kI8}) {
    emit(fmt::format("conv2d_{}", suffix(dtype)), weighted(conv, dtype));
    emit(fmt::format("conv2d_dilated_{}", suffix(dtype)), weighted(dilated, dtype));
    emit(fmt::format("conv2d_point_{}", suffix(dtype)), weighted(point, dtype));
    emit(fmt::format("depthwise_{}", suffix(dtype)), weighted(depth, dtype));
    emit(fmt::format("depthwise_multiplied_{}", suffix(dtype)), weighted(multiplied, dtype));
    emit(fmt::format("depthwise_single_{}", suffix(dtype)), weighted(single, dtype));
    emit(fmt::format("fully_connected_{}", suffix(dtype)), weighted(full, dtype));
  }
  full.per_channel = false;
  full.attributes = graph::FullyConnectedAttributes{Activation::kRelu, true};
  full.in = {2, 2, 37};
  full.out = {2, 2, 21};
  emit("fully_connected_keep_i8", weighted(full, DType::kI8));
  Layer hybrid = dilated;
  hybrid.per_channel = false;
  emit("conv2d_hybrid", weighted(hybrid, DType::kF32, true));
}

// Small weights with large scales: the multiplier is near 1, where one rounding and two give different answers.
Graph coarse_fully_connected(DType dtype, bool per_channel) {
  Random random(per_channel ? 77 : 78);
  constexpr std::int64_t kRows = 8;
  constexpr std::int64_t kUnits = 60;
  constexpr std::int64_t kDepth = 40;
  const std::int32_t middle = dtype == DType::kU8 ? 128 : 0;
  Graph g;
  g.name = "coarse";
  const TensorId in = g.add("in", dtype, {kRows, kDepth}, per_tensor(0.05F, middle + 3));
  Bytes weights;
  for (std::int64_t i = 0; i < kUnits * kDepth; ++i)
    weights.push_back(static_cast<std::byte>(random.between(-2, 2) + middle));
  Quantization q = per_tensor(0.6123F, middle);
  if (per_channel) q = channels(random, kUnits, 0);
  for (float& scale : q.scales) scale *= per_channel ? 100.0F : 1.0F;
  const TensorId weights_id = g.add({{"weights", dtype, {kUnits, kDepth}}, q, tensor::Data::own(weights)});
  for (float& scale : q.scales) scale *= 0.05F;
  q.zero_points.assign(q.scales.size(), 0);
  std::vector<std::int32_t> bias(kUnits);
  for (auto& v : bias) v = random.between(-100, 100);
  const TensorId bias_id = g.add_constant("bias", {kUnits}, std::span<const std::int32_t>(bias), q);
  const TensorId out = g.add("out", dtype, {kRows, kUnits}, per_tensor(0.11F, middle - 7));
  g.nodes.push_back(
      {Op::kFullyConnected, "layer", graph::FullyConnectedAttributes{}, {in, weights_id, bias_id}, {out}});
  g.inputs = {in};
  g.outputs = {out};
  return g;
}

void pool_models(const Emit& emit, DType dtype) {
  const Quantization q = dtype == DType::kF32 ? Quantization{} : per_tensor(0.1F, dtype == DType::kI8 ? 5 : 120);
  const graph::Pool2DAttributes same{graph::Padding::kSame, 2, 2, 3, 3, graph::Activation::kRelu};
  const graph::Pool2DAttributes valid{graph::Padding::kValid, 1, 2, 4, 2, graph::Activation::kNone};
  for (const Op op : {Op::kAveragePool2D, Op::kMaxPool2D}) {
    const std::string_view name = op == Op::kMaxPool2D ? "max" : "average";
    emit(fmt::format("{}_pool_same_{}", name, suffix(dtype)),
         plain(op, same, {value("in", dtype, {1, 7, 8, 5}, q)}, value("out", dtype, {1, 4, 4, 5}, q)));
    emit(fmt::format("{}_pool_valid_{}", name, suffix(dtype)),
         plain(op, valid, {value("in", dtype, {2, 7, 8, 20}, q)}, value("out", dtype, {2, 4, 4, 20}, q)));
  }
}

void elementwise_models(const Emit& emit, DType dtype) {
  const bool quantized = dtype != DType::kF32;
  const std::int32_t middle = dtype == DType::kU8 ? 128 : 0;
  const auto q = [&](float scale, std::int32_t zero_point) {
    return quantized ? per_tensor(scale, middle + zero_point) : Quantization{};
  };
  const std::string_view s = suffix(dtype);
  const graph::ElementwiseAttributes none{};
  const graph::ElementwiseAttributes relu6{graph::Activation::kRelu6};
  for (const Op op : {Op::kAdd, Op::kMul}) {
    const std::string_view name = op == Op::kAdd ? "add" : "mul";
    emit(fmt::format("{}_{}", name, s),
         plain(op, none, {value("a", dtype, {1, 6, 6, 7}, q(0.03F, 4)), value("b", dtype, {1, 6, 6, 7}, q(0.051F, -9))},
               value("out", dtype, {1, 6, 6, 7}, q(0.07F, 2))));
    emit(fmt::format("{}_broadcast_{}", name, s),
         plain(op, relu6, {value("a", dtype, {2, 1, 6, 7}, q(0.02F, 0)), value("b", dtype, {5, 1, 7}, q(0.06F, 30))},
               value("out", dtype, {2, 5, 6, 7}, q(0.03F, -100))));
  }
  emit(fmt::format("relu_{}", s),
       plain(Op::kRelu, graph::UnaryAttributes{}, {value("in", dtype, {1, 300}, q(0.07F, 4))},
             value("out", dtype, {1, 300}, q(0.05F, -60))));
  emit(fmt::format("relu6_{}", s),
       plain(Op::kRelu6, graph::UnaryAttributes{}, {value("in", dtype, {1, 300}, q(0.07F, 4))},
             value("out", dtype, {1, 300}, q(0.05F, -60))));
  emit(fmt::format("logistic_{}", s),
       plain(Op::kLogistic, graph::UnaryAttributes{}, {value("in", dtype, {1, 300}, q(0.05F, 4))},
             value("out", dtype, {1, 300}, q(1.0F / 256.0F, -128))));
  emit(fmt::format("softmax_{}", s),
       plain(Op::kSoftmax, graph::SoftmaxAttributes{1.0F}, {value("in", dtype, {40, 13}, q(0.05F, 4))},
             value("out", dtype, {40, 13}, q(1.0F / 256.0F, -128))));
  emit(fmt::format("softmax_sharp_{}", s),
       plain(Op::kSoftmax, graph::SoftmaxAttributes{0.7F}, {value("in", dtype, {2, 3, 300}, q(0.3F, 4))},
             value("out", dtype, {2, 3, 300}, q(1.0F / 256.0F, -128))));
}

void conversion_models(const Emit& emit) {
  const auto q = [](DType dtype, float scale, std::int32_t zero_point) {
    return per_tensor(scale, zero_point + (dtype == DType::kU8 ? 128 : 0));
  };
  for (const DType dtype : {DType::kI8, DType::kU8}) {
    emit(fmt::format("quantize_{}", suffix(dtype)),
         plain(Op::kQuantize, graph::NoAttributes{}, {value("in", DType::kF32, {1, 700})},
               value("out", dtype, {1, 700}, q(dtype, 0.03137255F, 5))));
    emit(fmt::format("dequantize_{}", suffix(dtype)),
         plain(Op::kDequantize, graph::NoAttributes{}, {value("in", dtype, {1, 700}, q(dtype, 0.0313F, 5))},
               value("out", DType::kF32, {1, 700})));
    for (const DType to : {DType::kI8, DType::kU8}) {
      emit(fmt::format("requantize_{}_{}", suffix(dtype), suffix(to)),
           plain(Op::kQuantize, graph::NoAttributes{}, {value("in", dtype, {1, 700}, q(dtype, 0.0313F, 5))},
                 value("out", to, {1, 700}, q(to, 0.0271F, -9))));
    }
  }
  emit("reshape", plain(Op::kReshape, graph::ReshapeAttributes{{2, -1}}, {value("in", DType::kF32, {1, 3, 4})},
                        value("out", DType::kF32, {2, 6})));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  const Emit emit = [&](const std::string& name, const Graph& g) {
    const auto file = formats::write_tflite(g);
    if (!file) fmt::print(stderr, "{}: {}\n", name, file.error().to_line());
    LICHEN_ASSERT(file.has_value());
    const std::string_view text = text_of(*file);
    std::ofstream(folder + "/" + name + ".tflite", std::ios::binary)
        .write(text.data(), static_cast<std::streamsize>(text.size()));
  };
  weighted_models(emit);
  for (const DType dtype : {DType::kF32, DType::kI8, DType::kU8}) {
    pool_models(emit, dtype);
    elementwise_models(emit, dtype);
  }
  conversion_models(emit);
  for (const auto& graphs :
       {lichen::testing::tflite_op_graphs(), lichen::testing::composed_op_graphs(), lichen::testing::state_graphs()}) {
    for (const auto& named : graphs) emit(named.name, named.graph);
  }
  emit("fully_connected_coarse_i8", coarse_fully_connected(DType::kI8, false));
  emit("fully_connected_coarse_channels_i8", coarse_fully_connected(DType::kI8, true));
  emit("fully_connected_coarse_u8", coarse_fully_connected(DType::kU8, false));
  return 0;
}
