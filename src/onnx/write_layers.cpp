// SPDX-License-Identifier: Apache-2.0
// Layers with weights, windows, normalizations, recurrent layers, detection.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "graph/ops/transpose_conv.hpp"
#include "graph/ops/window.hpp"
#include "onnx/write.hpp"

namespace lichen::formats {

using graph::Op;
using graph::Padding;
using Int = std::int64_t;

namespace {

std::string_view name_of_row(const GraphWriter& w) {
  return find_write_row(w.node().op)->name;
}

// A bias in integers without a scale has that of the products.
std::string bias_of(GraphWriter& w, std::size_t i) {
  if (!w.has(i) || w.input(i).spec.dtype != tensor::DType::kI32 || !w.input(i).quantization.empty()) return w.in(i);
  w.refuse("a bias in integers without a scale");
  return {};
}

// Explicit pads where the image's size is known: not every runtime takes auto_pad with dilations.
template <typename Attributes>
OnnxAttributes window_attributes(GraphWriter& w, const Attributes& a, Int filter_h, Int filter_w) {
  OnnxAttributes out = {{"strides", std::vector<Int>{a.stride_h, a.stride_w}}};
  if (a.dilation_h != 1 || a.dilation_w != 1)
    out.push_back({"dilations", std::vector<Int>{a.dilation_h, a.dilation_w}});
  if (a.padding == Padding::kExplicit) {
    out.push_back({"pads", std::vector<Int>{a.pads.top, a.pads.left, a.pads.bottom, a.pads.right}});
    return out;
  }
  if (a.padding == Padding::kValid) return out;
  const tensor::Shape& in = w.input(0).spec.shape;
  if (!in.known() || !w.graph().free_dimensions.empty()) {
    out.push_back({"auto_pad", std::string(a.padding == Padding::kSame ? "SAME_UPPER" : "SAME_LOWER")});
    return out;
  }
  const graph::WindowRule rules[] = {graph::rule_h(a, filter_h), graph::rule_w(a, filter_w)};
  std::vector<Int> pads(4);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto window = graph::window_of(in[i + 1], rules[i]);
    if (!window) {
      w.refuse(window.error().why);
      return out;
    }
    const Int extent = (rules[i].filter - 1) * rules[i].dilation + 1;
    pads[i] = window->pad_before;
    pads[i + 2] = std::max<Int>(0, (window->out - 1) * rules[i].stride + extent - in[i + 1] - window->pad_before);
  }
  out.push_back({"pads", pads});
  return out;
}

const tensor::Shape* known_shape(GraphWriter& w, std::size_t i) {
  if (w.input(i).spec.shape.known()) return &w.input(i).spec.shape;
  w.refuse("a shape that is known only when it runs");
  return nullptr;
}

void conv_2d(GraphWriter& w) {
  const auto& a = w.attributes<graph::Conv2DAttributes>();
  const tensor::Shape* x = known_shape(w, 0);
  const tensor::Shape* weights = known_shape(w, 1);
  if (x == nullptr || weights == nullptr) return;
  OnnxAttributes attributes = window_attributes(w, a, (*weights)[1], (*weights)[2]);
  attributes.push_back({"group", (*x)[3] / (*weights)[3]});
  const std::string kernel = w.weights(1, {0, 3, 1, 2});
  const std::string bias = bias_of(w, 2);
  w.put_channels_first(w.add("Conv", {w.channels_first(0), kernel, bias}, attributes), a.activation);
}

void depthwise(GraphWriter& w) {
  const auto& a = w.attributes<graph::DepthwiseConv2DAttributes>();
  const tensor::Shape* x = known_shape(w, 0);
  const tensor::Shape* weights = known_shape(w, 1);
  if (x == nullptr || weights == nullptr) return;
  OnnxAttributes attributes = window_attributes(w, a, (*weights)[1], (*weights)[2]);
  attributes.push_back({"group", (*x)[3]});
  const std::string kernel = w.weights(1, {3, 0, 1, 2});
  const std::string bias = bias_of(w, 2);
  w.put_channels_first(w.add("Conv", {w.channels_first(0), kernel, bias}, attributes), a.activation);
}

std::vector<Int> three(const std::array<std::int32_t, 3>& values) {
  return {values.begin(), values.end()};
}

template <typename Attributes>
OnnxAttributes volume_attributes(const Attributes& a) {
  OnnxAttributes out = {{"strides", three(a.strides)}};
  if (a.dilations != std::array<std::int32_t, 3>{1, 1, 1}) out.push_back({"dilations", three(a.dilations)});
  if (a.padding == Padding::kSame) out.push_back({"auto_pad", std::string("SAME_UPPER")});
  if (a.padding == Padding::kSameLower) out.push_back({"auto_pad", std::string("SAME_LOWER")});
  if (a.padding != Padding::kExplicit) return out;
  std::vector<Int> pads = three(a.pads_before);
  pads.insert(pads.end(), a.pads_after.begin(), a.pads_after.end());
  out.push_back({"pads", pads});
  return out;
}

void conv_3d(GraphWriter& w) {
  const auto& a = w.attributes<graph::Conv3DAttributes>();
  const tensor::Shape* x = known_shape(w, 0);
  const tensor::Shape* weights = known_shape(w, 1);
  if (x == nullptr || weights == nullptr) return;
  OnnxAttributes attributes = volume_attributes(a);
  attributes.push_back({"group", (*x)[4] / (*weights)[4]});
  const std::string kernel = w.weights(1, {0, 4, 1, 2, 3});
  const std::string image = w.transposed(w.in(0), {0, 4, 1, 2, 3});
  const std::string y = w.add("Conv", {image, kernel, bias_of(w, 2)}, attributes);
  w.put(w.transposed(w.activated(y, a.activation), {0, 2, 3, 4, 1}));
}

void pool_3d(GraphWriter& w) {
  const auto& a = w.attributes<graph::Pool3DAttributes>();
  OnnxAttributes attributes = volume_attributes(a);
  attributes.push_back({"kernel_shape", three(a.filter)});
  attributes.push_back({"ceil_mode", Int{a.ceil}});
  if (w.node().op == Op::kAveragePool3D) attributes.push_back({"count_include_pad", Int{a.counts_padding}});
  w.put(w.transposed(w.add(name_of_row(w), {w.transposed(w.in(0), {0, 4, 1, 2, 3})}, attributes), {0, 2, 3, 4, 1}));
}

void conv_integer(GraphWriter& w) {
  const auto& a = w.attributes<graph::Conv2DAttributes>();
  const tensor::Shape* x = known_shape(w, 0);
  const tensor::Shape* weights = known_shape(w, 1);
  if (x == nullptr || weights == nullptr) return;
  OnnxAttributes attributes = window_attributes(w, a, (*weights)[1], (*weights)[2]);
  attributes.push_back({"group", (*x)[3] / (*weights)[3]});
  const std::string kernel = w.weights(1, {0, 3, 1, 2});
  w.put_channels_first(w.add("ConvInteger", {w.channels_first(0), kernel, w.stored(2), w.stored(3)}, attributes), {});
}

// [out, kh, kw, in / groups] -> [in, out / groups, kh, kw].
std::string grouped_weights(GraphWriter& w, const tensor::Shape& s, Int groups) {
  const std::string split = w.add("Reshape", {w.in(1), w.ints({groups, s[0] / groups, s[1], s[2], s[3]})});
  return w.add("Reshape", {w.transposed(split, {0, 4, 1, 2, 3}), w.ints({groups * s[3], s[0] / groups, s[1], s[2]})});
}

void transpose_conv(GraphWriter& w) {
  const auto& a = w.attributes<graph::TransposeConvAttributes>();
  const tensor::Shape* x = known_shape(w, 0);
  const tensor::Shape* weights = known_shape(w, 1);
  if (x == nullptr || weights == nullptr) return;
  const auto plan = graph::transpose_windows(w.view());
  if (!plan || !*plan) return w.refuse("a size that is known only when it runs");
  const graph::Window windows[] = {(*plan)->h, (*plan)->w};
  const Int strides[] = {a.stride_h, a.stride_w};
  const Int dilations[] = {a.dilation_h, a.dilation_w};
  std::vector<Int> pads(4);
  std::vector<Int> output_pads(2);
  for (std::size_t i = 0; i < 2; ++i) {
    const Int extent = ((*weights)[i + 1] - 1) * dilations[i] + 1;
    const Int after = ((*x)[i + 1] - 1) * strides[i] + extent - windows[i].pad_before - windows[i].out;
    pads[i] = windows[i].pad_before;
    pads[i + 2] = std::max<Int>(0, after);
    output_pads[i] = std::max<Int>(0, -after);
  }
  const std::string kernel = a.groups == 1 ? w.weights(1, {3, 0, 1, 2}) : grouped_weights(w, *weights, a.groups);
  const std::string y = w.add("ConvTranspose", {w.channels_first(0), kernel, bias_of(w, 2)},
                              {{"group", Int{a.groups}},
                               {"strides", std::vector<Int>{strides[0], strides[1]}},
                               {"dilations", std::vector<Int>{dilations[0], dilations[1]}},
                               {"pads", pads},
                               {"output_padding", output_pads}});
  w.put_channels_first(y, a.activation);
}

void fully_connected(GraphWriter& w) {
  const auto& a = w.attributes<graph::FullyConnectedAttributes>();
  const tensor::Shape* x = known_shape(w, 0);
  const tensor::Shape* weights = known_shape(w, 1);
  if (x == nullptr || weights == nullptr) return;
  std::string from = w.in(0);
  const bool flat = !a.keep_dims && x->rank() != 2;
  if (flat || (!a.keep_dims && (*x)[1] != (*weights)[1])) from = w.add("Reshape", {from, w.ints({-1, (*weights)[1]})});
  const std::string bias = bias_of(w, 2);
  if (!a.keep_dims || x->rank() == 2) {
    return w.put(w.activated(w.add("Gemm", {from, w.in(1), bias}, {{"transB", Int{1}}}), a.activation));
  }
  std::string y = w.add("MatMul", {from, w.weights(1, {1, 0})});
  if (!bias.empty()) y = w.add("Add", {y, bias});
  w.put(w.activated(y, a.activation));
}

std::string last_two_swapped(GraphWriter& w, std::size_t i) {
  const Int rank = w.rank(i);
  std::vector<Int> permutation;
  for (Int axis = 0; axis < rank; ++axis) permutation.push_back(axis);
  if (rank < 2) return w.in(i);
  std::swap(permutation[permutation.size() - 1], permutation[permutation.size() - 2]);
  return w.transposed(w.in(i), permutation);
}

void mat_mul(GraphWriter& w) {
  const auto& a = w.attributes<graph::MatMulAttributes>();
  const std::string left = a.transpose_a ? last_two_swapped(w, 0) : w.in(0);
  const std::string right = a.transpose_b ? last_two_swapped(w, 1) : w.in(1);
  w.put(w.add("MatMul", {left, right}));
}

void mat_mul_integer(GraphWriter& w) {
  w.put_stored(w.add("MatMulInteger", {w.stored(0), w.stored(1), w.stored(2), w.stored(3)}));
}

void pool_2d(GraphWriter& w) {
  const auto& a = w.attributes<graph::Pool2DAttributes>();
  OnnxAttributes attributes = window_attributes(w, a, a.filter_h, a.filter_w);
  attributes.push_back({"kernel_shape", std::vector<Int>{a.filter_h, a.filter_w}});
  attributes.push_back({"ceil_mode", Int{a.ceil}});
  if (w.node().op == Op::kAveragePool2D) attributes.push_back({"count_include_pad", Int{a.counts_padding}});
  if (w.node().op == Op::kLpPool2D) attributes.push_back({"p", Int{a.p}});
  if (w.outputs() < 2) {
    return w.put_channels_first(w.add(name_of_row(w), {w.channels_first(0)}, attributes), a.activation);
  }
  attributes.push_back({"storage_order", Int{a.column_major}});
  const TensorNames y = w.add_many(name_of_row(w), {w.channels_first(0)}, attributes, 2);
  w.put(w.transposed(y[1], {0, 2, 3, 1}), 1);
  w.put_channels_first(y[0], a.activation);
}

// ONNX's channels are axis 1: other places are moved there and back.
struct Moved {
  std::string x;
  std::vector<Int> back;  // empty: nothing was moved
};
Moved channels_to_one(GraphWriter& w, Int axis) {
  const Int rank = w.rank();
  if (axis < 0) axis += rank;
  if (rank < 2 || axis == 1) return {w.in(0), {}};
  std::vector<Int> to{0, axis};
  for (Int i = 1; i < rank; ++i) {
    if (i != axis) to.push_back(i);
  }
  if (axis == 0) return w.refuse("channels along axis 0"), Moved{};
  std::vector<Int> back(to.size());
  for (std::size_t i = 0; i < to.size(); ++i) back[static_cast<std::size_t>(to[i])] = static_cast<Int>(i);
  return {w.transposed(w.in(0), to), back};
}

void put_back(GraphWriter& w, const std::string& y, const Moved& moved) {
  w.put(moved.back.empty() ? y : w.transposed(y, moved.back));
}

void channel_norm(GraphWriter& w) {
  const auto& a = w.attributes<graph::NormAttributes>();
  const Moved moved = channels_to_one(w, a.axis);
  if (w.failed()) return;
  TensorNames inputs{moved.x};
  for (std::size_t i = 1; i < w.node().inputs.size(); ++i) inputs.push_back(w.in(i));
  OnnxAttributes attributes = {{"epsilon", a.epsilon}};
  if (w.node().op == Op::kGroupNorm) attributes.push_back({"num_groups", Int{a.groups}});
  put_back(w, w.add(name_of_row(w), inputs, attributes), moved);
}

void response_norm(GraphWriter& w) {
  const auto& a = w.attributes<graph::LocalResponseNormAttributes>();
  const Int size = Int{a.before} + a.after + 1;
  if ((size - 1) / 2 != a.before) return w.refuse("a window that lies otherwise");
  const Moved moved = channels_to_one(w, a.axis);
  if (w.failed()) return;
  put_back(w, w.add("LRN", {moved.x}, {{"size", size},
                                       {"alpha", a.alpha * static_cast<float>(size)},
                                       {"beta", a.beta},
                                       {"bias", a.bias}}),
           moved);
}

void layer_norm(GraphWriter& w) {
  const auto& a = w.attributes<graph::NormAttributes>();
  const TensorNames y = w.add_many("LayerNormalization", {w.in(0), w.in(1), w.in(2)},
                                   {{"axis", Int{a.axis}}, {"epsilon", a.epsilon}}, w.outputs());
  for (std::size_t i = 0; i < y.size(); ++i) w.put(y[i], i);
}

// x * scale / sqrt(mean of x^2 + epsilon); an operator of its own only from opset 23 on.
void rms_norm(GraphWriter& w) {
  const auto& a = w.attributes<graph::NormAttributes>();
  const Int rank = w.rank();
  std::vector<Int> axes;
  for (Int i = a.axis < 0 ? a.axis + rank : a.axis; i < rank; ++i) axes.push_back(i);
  const std::string square = w.add("Mul", {w.in(0), w.in(0)});
  const std::string mean = w.add("ReduceMean", {square, w.ints(axes)});
  const std::string deviation = w.add("Sqrt", {w.add("Add", {mean, w.number(a.epsilon)})});
  w.put(w.add("Mul", {w.add("Div", {w.in(0), deviation}), w.in(1)}));
}

void l2_norm(GraphWriter& w) {
  const auto& a = w.attributes<graph::NormAttributes>();
  const std::string length = w.add("ReduceL2", {w.in(0), w.ints({a.axis})});
  w.put(w.add("Div", {w.in(0), w.add("Max", {length, w.number(a.epsilon)})}));
}

void lp_norm(GraphWriter& w) {
  const auto& a = w.attributes<graph::NormAttributes>();
  w.put(w.add("LpNormalization", {w.in(0)}, {{"axis", Int{a.axis}}, {"p", Int{a.p}}}));
}

void hardmax(GraphWriter& w) {
  w.put(w.add("Hardmax", {w.in(0)}, {{"axis", Int{w.attributes<graph::AxisAttributes>().axis}}}));
}

void softmax(GraphWriter& w) {
  const auto& a = w.attributes<graph::SoftmaxAttributes>();
  std::string x = w.in(0);
  if (a.beta != 1.0F) x = w.add("Mul", {x, w.number(a.beta)});
  if (!a.flattens) return w.put(w.add(name_of_row(w), {x}, {{"axis", Int{a.axis}}}));
  const std::string shape = w.add("Shape", {x});
  const std::string flat = w.add("Flatten", {x}, {{"axis", Int{a.axis}}});
  w.put(w.add("Reshape", {w.add(name_of_row(w), {flat}, {{"axis", Int{1}}}), shape}));
}

constexpr std::array<const char*, 11> kGateNames = {"Sigmoid",         "Tanh",       "Relu",        "Affine",
                                                    "LeakyRelu",       "ThresholdedRelu", "ScaledTanh", "HardSigmoid",
                                                    "Elu",             "Softsign",   "Softplus"};

void add_texts(::onnx::NodeProto& node, const char* name, const std::vector<std::string>& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::STRINGS);
  for (const std::string& value : values) attribute.add_strings(value);
}

bool takes_alpha(graph::Gate gate) {
  return gate == graph::Gate::kAffine || gate == graph::Gate::kLeakyRelu || gate == graph::Gate::kThresholdedRelu ||
         gate == graph::Gate::kScaledTanh || gate == graph::Gate::kHardSigmoid || gate == graph::Gate::kElu;
}
bool takes_beta(graph::Gate gate) {
  return gate == graph::Gate::kAffine || gate == graph::Gate::kScaledTanh || gate == graph::Gate::kHardSigmoid;
}

OnnxAttributes recurrent_attributes(const graph::RecurrentAttributes& a) {
  constexpr std::array<const char*, 3> kDirections = {"forward", "reverse", "bidirectional"};
  OnnxAttributes out = {{"direction", std::string(kDirections[static_cast<std::size_t>(a.direction)])},
                        {"hidden_size", Int{a.hidden}},
                        {"layout", Int{a.batch_first}}};
  if (a.clip != 0.0F) out.push_back({"clip", a.clip});
  std::vector<float> alphas;
  std::vector<float> betas;
  for (std::size_t i = 0; i < a.gates.size(); ++i) {
    if (takes_alpha(a.gates[i]) && i < a.alphas.size()) alphas.push_back(a.alphas[i]);
    if (takes_beta(a.gates[i]) && i < a.betas.size()) betas.push_back(a.betas[i]);
  }
  if (!alphas.empty()) out.push_back({"activation_alpha", alphas});
  if (!betas.empty()) out.push_back({"activation_beta", betas});
  return out;
}

void recurrent(GraphWriter& w) {
  const auto& a = w.attributes<graph::RecurrentAttributes>();
  OnnxAttributes attributes = recurrent_attributes(a);
  if (w.node().op == Op::kGru) attributes.push_back({"linear_before_reset", Int{a.linear_before_reset}});
  if (w.node().op == Op::kLstm) attributes.push_back({"input_forget", Int{a.input_forget}});
  TensorNames inputs;
  for (std::size_t i = 0; i < w.node().inputs.size(); ++i) inputs.push_back(w.in(i));
  const TensorNames y = w.add_many(name_of_row(w), inputs, attributes, w.outputs());
  if (!a.gates.empty()) {
    std::vector<std::string> names;
    for (const graph::Gate gate : a.gates) names.emplace_back(kGateNames[static_cast<std::size_t>(gate)]);
    add_texts(w.last(), "activations", names);
  }
  for (std::size_t i = 0; i < y.size(); ++i) w.put(y[i], i);
}

void non_max_suppression(GraphWriter& w) {
  TensorNames inputs{w.in(0), w.in(1), w.as_int64(2), w.in(3), w.in(4)};
  w.put(w.add("NonMaxSuppression", inputs,
              {{"center_point_box", Int{w.attributes<graph::NonMaxSuppressionAttributes>().centers}}}));
}

constexpr std::array kRows = {
    OnnxWriteRow{Op::kAveragePool2D, pool_2d, "AveragePool"},
    OnnxWriteRow{Op::kAveragePool3D, pool_3d, "AveragePool"},
    OnnxWriteRow{Op::kBatchNorm, channel_norm, "BatchNormalization"},
    OnnxWriteRow{Op::kConv2D, conv_2d},
    OnnxWriteRow{Op::kConv3D, conv_3d},
    OnnxWriteRow{Op::kConvInteger, conv_integer},
    OnnxWriteRow{Op::kDepthwiseConv2D, depthwise},
    OnnxWriteRow{Op::kFullyConnected, fully_connected},
    OnnxWriteRow{Op::kGroupNorm, channel_norm, "GroupNormalization"},
    OnnxWriteRow{Op::kGru, recurrent, "GRU"},
    OnnxWriteRow{Op::kHardmax, hardmax},
    OnnxWriteRow{Op::kInstanceNorm, channel_norm, "InstanceNormalization"},
    OnnxWriteRow{Op::kL2Norm, l2_norm},
    OnnxWriteRow{Op::kLayerNorm, layer_norm},
    OnnxWriteRow{Op::kLocalResponseNorm, response_norm},
    OnnxWriteRow{Op::kLogSoftmax, softmax, "LogSoftmax"},
    OnnxWriteRow{Op::kLpNorm, lp_norm},
    OnnxWriteRow{Op::kLpPool2D, pool_2d, "LpPool"},
    OnnxWriteRow{Op::kLstm, recurrent, "LSTM"},
    OnnxWriteRow{Op::kMatMul, mat_mul},
    OnnxWriteRow{Op::kMatMulInteger, mat_mul_integer},
    OnnxWriteRow{Op::kMaxPool2D, pool_2d, "MaxPool"},
    OnnxWriteRow{Op::kMaxPool3D, pool_3d, "MaxPool"},
    OnnxWriteRow{Op::kNonMaxSuppression, non_max_suppression},
    OnnxWriteRow{Op::kRmsNorm, rms_norm},
    OnnxWriteRow{Op::kRnn, recurrent, "RNN"},
    OnnxWriteRow{Op::kSoftmax, softmax, "Softmax"},
    OnnxWriteRow{Op::kTransposeConv2D, transpose_conv},
};

}  // namespace

std::span<const OnnxWriteRow> written_layers() {
  return kRows;
}

}  // namespace lichen::formats
