// SPDX-License-Identifier: Apache-2.0
// Layers beside ONNX Runtime (golden/layers.json, made by golden/layers.py): as graph inputs throughout, with constant
// parameters by reference kernels, and with constant parameters by native kernels on two threads.
#include <functional>
#include <map>

#include <nlohmann/json.hpp>

#include "graph/graph.hpp"
#include "graph/verify.hpp"
#include "engine/native/build.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using namespace lichen::graph;
using lichen::testing::floats_of;
using lichen::testing::read_file;
using nlohmann::json;
using tensor::DType;
using tensor::Shape;

const json& golden() {
  static const json kGolden = [] {
    const Bytes file = read_file(lichen::testing::source_dir() / "tests/engine/golden/layers.json");
    return json::parse(text_of(file), nullptr, false);
  }();
  return kGolden;
}

struct Value {
  DType dtype = DType::kF32;
  Shape shape;
  Bytes bytes;
};

std::optional<Value> value_of(const json& packed) {
  const auto dtype = tensor::dtype_named(packed["dtype"].get<std::string>());
  if (!dtype) return std::nullopt;
  return Value{*dtype, Shape(packed["shape"].get<std::vector<std::int64_t>>()),
               lichen::testing::bytes_of_base64(packed["base64"].get<std::string>())};
}

struct Layer {
  Op op;
  Attributes attributes;
};

Pool2DAttributes pool(std::int32_t filter_h, std::int32_t filter_w, std::int32_t stride_h, std::int32_t stride_w,
                      Pads2D pads = {}) {
  Pool2DAttributes a;
  a.padding = Padding::kExplicit;
  a.filter_h = filter_h, a.filter_w = filter_w;
  a.stride_h = stride_h, a.stride_w = stride_w;
  a.pads = pads;
  return a;
}

template <typename A>
A with(A a, const std::function<void(A&)>& change) {
  change(a);
  return a;
}

NormAttributes norm(std::int32_t axis, float epsilon = 1e-5F, std::int32_t groups = 1, std::int32_t p = 2) {
  return {axis, epsilon, groups, p};
}

TransposeConvAttributes transposed(std::int32_t stride_h, std::int32_t stride_w, Pads2D pads = {}) {
  TransposeConvAttributes a;
  a.stride_h = stride_h, a.stride_w = stride_w;
  a.pads = pads;
  return a;
}

RecurrentAttributes recurrent(std::int32_t hidden, Direction direction, float clip = 0.0F) {
  RecurrentAttributes a;
  a.hidden = hidden;
  a.direction = direction;
  a.clip = clip;
  return a;
}

void add_pools(std::map<std::string, Layer>& layers) {
  using P = Pool2DAttributes;
  const P plain = pool(3, 2, 2, 1, {1, 0, 1, 1});
  const P dilated = with<P>(pool(2, 3, 1, 1, {1, 1, 0, 2}), [](P& a) { a.dilation_h = 3, a.dilation_w = 2; });
  const P ceil = with<P>(pool(4, 3, 3, 3), [](P& a) { a.ceil = true; });
  layers["average_pool"] = {Op::kAveragePool2D, plain};
  layers["average_pool_counted"] = {Op::kAveragePool2D, with<P>(plain, [](P& a) { a.counts_padding = true; })};
  layers["average_pool_dilated"] = {Op::kAveragePool2D, dilated};
  layers["average_pool_ceil"] = {Op::kAveragePool2D, ceil};
  layers["max_pool"] = {Op::kMaxPool2D, plain};
  layers["max_pool_dilated"] = {Op::kMaxPool2D, dilated};
  layers["max_pool_ceil"] = {Op::kMaxPool2D, ceil};
  layers["max_pool_indices"] = {Op::kMaxPool2D, pool(3, 2, 2, 2, {1, 0, 1, 1})};
  layers["max_pool_columns"] = {Op::kMaxPool2D, with<P>(pool(3, 2, 2, 2), [](P& a) { a.column_major = true; })};
  layers["max_pool_u8"] = {Op::kMaxPool2D, pool(3, 3, 1, 1)};
  layers["lp_pool"] = {Op::kLpPool2D, with<P>(plain, [](P& a) { a.p = 3; })};
  Pool3DAttributes volume{.filter = {3, 2, 2}, .strides = {2, 1, 2}, .pads_before = {1, 0, 1}, .pads_after = {0, 1, 1}};
  volume.counts_padding = true;
  layers["average_pool_3d"] = {Op::kAveragePool3D, volume};
  layers["max_pool_3d"] = {Op::kMaxPool3D,
                           Pool3DAttributes{.filter = {2, 2, 3}, .strides = {1, 2, 1}, .dilations = {2, 1, 1}}};
}

void add_convolutions(std::map<std::string, Layer>& layers) {
  using T = TransposeConvAttributes;
  layers["conv_3d"] = {Op::kConv3D, Conv3DAttributes{.strides = {1, 2, 1},
                                                     .dilations = {2, 1, 1},
                                                     .pads_before = {1, 0, 1},
                                                     .pads_after = {0, 1, 1}}};
  layers["transpose_conv_plain"] = {Op::kTransposeConv2D, transposed(2, 3)};
  layers["transpose_conv_padded"] = {Op::kTransposeConv2D, with<T>(transposed(2, 2, {1, 0, 1, 1}), [](T& a) {
                                       a.output_pad_h = a.output_pad_w = 1;
                                     })};
  layers["transpose_conv_dilated"] = {Op::kTransposeConv2D, with<T>(transposed(1, 2, {1, 2, 0, 1}), [](T& a) {
                                        a.dilation_h = 3, a.dilation_w = 2;
                                      })};
  layers["transpose_conv_grouped"] = {Op::kTransposeConv2D,
                                      with<T>(transposed(2, 1, {1, 1, 1, 1}), [](T& a) { a.groups = 2; })};
  layers["transpose_conv_sized"] = {Op::kTransposeConv2D,
                                    with<T>(transposed(3, 2), [](T& a) { a.output_size = {13, 9}; })};
}

void add_normalizations(std::map<std::string, Layer>& layers) {
  layers["batch_norm"] = {Op::kBatchNorm, norm(-1, 1e-3F)};
  layers["batch_norm_axis"] = {Op::kBatchNorm, norm(1)};
  layers["instance_norm"] = {Op::kInstanceNorm, norm(3, 1e-3F)};
  layers["group_norm"] = {Op::kGroupNorm, norm(1, 1e-5F, 3)};
  layers["layer_norm"] = {Op::kLayerNorm, norm(2, 1e-3F)};
  layers["rms_norm"] = {Op::kRmsNorm, norm(-1)};
  layers["lp_norm_1"] = {Op::kLpNorm, norm(1, 0.0F, 1, 1)};
  layers["lp_norm_2"] = {Op::kLpNorm, norm(-1)};
  layers["l2_norm"] = {Op::kL2Norm, norm(1, 1e-6F)};
  layers["local_response_norm"] = {Op::kLocalResponseNorm,
                                   LocalResponseNormAttributes{-1, 2, 2, 0.2F / 5.0F, 0.6F, 1.5F}};
  for (const std::int32_t axis : {0, 1, 3}) {
    layers["softmax_" + std::to_string(axis)] = {Op::kSoftmax, SoftmaxAttributes{1.0F, axis}};
    layers["log_softmax_" + std::to_string(axis)] = {Op::kLogSoftmax, SoftmaxAttributes{1.0F, axis}};
    layers["hardmax_" + std::to_string(axis)] = {Op::kHardmax, AxisAttributes{axis}};
  }
  layers["softmax_flat"] = {Op::kSoftmax, SoftmaxAttributes{1.0F, 2, true}};
}

void add_recurrent(std::map<std::string, Layer>& layers) {
  for (const auto& [name, op] : {std::pair{"lstm", Op::kLstm}, {"gru", Op::kGru}, {"rnn", Op::kRnn}}) {
    const std::string prefix = name;
    layers[prefix + "_forward"] = {op, recurrent(4, Direction::kForward)};
    layers[prefix + "_reverse"] = {op, recurrent(4, Direction::kReverse)};
    RecurrentAttributes both = recurrent(4, Direction::kBidirectional, 0.7F);
    both.linear_before_reset = op == Op::kGru;
    layers[prefix + "_both"] = {op, both};
  }
  RecurrentAttributes others = recurrent(3, Direction::kForward);
  others.gates = {Gate::kHardSigmoid, Gate::kScaledTanh, Gate::kAffine};
  others.alphas = {0.3F, 1.2F, 0.8F};
  others.betas = {0.4F, 0.7F, 0.1F};
  layers["lstm_activations"] = {Op::kLstm, others};
}

std::map<std::string, Layer> layers() {
  std::map<std::string, Layer> layers;
  for (const char* name : {"plane", "batch", "broadcast", "row", "column", "dot", "rows", "i32"})
    layers[std::string("matmul_") + name] = {Op::kMatMul, MatMulAttributes{}};
  layers["matmul_transposed"] = {Op::kMatMul, MatMulAttributes{true, true}};
  add_pools(layers);
  add_convolutions(layers);
  add_normalizations(layers);
  add_recurrent(layers);
  SequenceLstmAttributes lstm;
  layers["sequence_lstm"] = {Op::kSequenceLstm, lstm};
  lstm.time_major = true;
  layers["sequence_lstm_coupled"] = {Op::kSequenceLstm, lstm};
  lstm.cell_clip = 0.9F, lstm.projection_clip = 0.8F;
  layers["sequence_lstm_whole"] = {Op::kSequenceLstm, lstm};
  layers["svdf"] = {Op::kSvdf, SvdfAttributes{2, Activation::kRelu}};
  layers["non_max_suppression"] = {Op::kNonMaxSuppression, NonMaxSuppressionAttributes{false}};
  layers["non_max_suppression_flipped"] = {Op::kNonMaxSuppression, NonMaxSuppressionAttributes{false}};
  layers["non_max_suppression_centers"] = {Op::kNonMaxSuppression, NonMaxSuppressionAttributes{true}};
  return layers;
}

// One node, whose shapes are inferred. The first input is the graph's; the others too unless they are constants.
Graph graph_of(const Layer& layer, const json& wanted, bool constants) {
  Graph g;
  g.name = "layer";
  Node node{layer.op, "layer", layer.attributes, {}, {}};
  for (const json& packed : wanted["inputs"]) {
    const auto value = value_of(packed);
    if (!value) {
      node.inputs.push_back(kNoTensor);
      continue;
    }
    const TensorId id = g.add("in", value->dtype, value->shape);
    node.inputs.push_back(id);
    if (constants && id != 0) {
      g.tensor(id).constant = tensor::Data::own(value->bytes);
    } else {
      g.inputs.push_back(id);
    }
  }
  for (std::size_t i = 0; i < wanted["outputs"].size(); ++i) node.outputs.push_back(g.add_unknown("out"));
  g.outputs = node.outputs;
  g.nodes.push_back(std::move(node));
  return g;
}

void fill_inputs(engine::Session& session, const json& wanted, bool constants) {
  std::size_t at = 0;
  for (const json& packed : wanted["inputs"]) {
    const auto value = value_of(packed);
    if (!value) continue;
    if (at < session.inputs().size() && (at == 0 || !constants)) {
      const std::span<std::byte> to = session.input(at);
      ASSERT_EQ(to.size(), value->bytes.size());
      std::ranges::copy(value->bytes, to.begin());
    }
    ++at;
  }
}

void compare(const Layer& layer, const json& wanted, bool constants, const engine::SessionOptions& options) {
  Graph g = graph_of(layer, wanted, constants);
  const auto inferred = infer_types(g);
  ASSERT_TRUE(inferred) << inferred.error().to_line();
  auto made = engine::Session::create(g, options);
  ASSERT_TRUE(made) << made.error().to_line();
  engine::Session& session = **made;
  for (int run = 0; run < 2; ++run) {  // nothing may be left over from the first
    fill_inputs(session, wanted, constants);
    const auto ran = session.run();
    ASSERT_TRUE(ran) << ran.error().to_line();
    for (std::size_t i = 0; i < wanted["outputs"].size(); ++i) {
      const auto value = value_of(wanted["outputs"][i]);
      const auto answer = session.output(i);
      ASSERT_EQ(answer.size(), value->bytes.size()) << "output " << i;
      if (value->dtype == DType::kF32) {
        EXPECT_LE(lichen::testing::relative_difference(floats_of(answer), floats_of(value->bytes)), 1e-5)
            << "output " << i << " by " << session.nodes()[0].kernel;
      } else {
        EXPECT_TRUE(std::ranges::equal(answer, value->bytes)) << "output " << i << " by " << session.nodes()[0].kernel;
      }
    }
  }
}

TEST(Layers, EveryLayerEqualsOnnxRuntime) {
  const std::map<std::string, Layer> all = layers();
  ASSERT_FALSE(golden()["cases"].empty());
  for (const auto& [name, wanted] : golden()["cases"].items()) {
    SCOPED_TRACE(name);
    const auto layer = all.find(name);
    ASSERT_NE(layer, all.end());
    if (!engine::has_kernel(layer->second.op)) {
      ADD_FAILURE() << "no kernel";
      continue;
    }
    compare(layer->second, wanted, false, {1, true});
    compare(layer->second, wanted, true, {1, true});
    compare(layer->second, wanted, true, {2, false});
  }
}

}  // namespace
