// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "graph/rewrites/passes.hpp"

namespace lichen::graph {
namespace {

// A layer in f32 with constant weights and bias and no activation, which nobody but one node reads.
struct Layer {
  NodeId node = kNoNode;
  std::int64_t channels = 0;
  std::size_t channel_axis = 0;  // of the weights
};

bool has_activation(const Node& node) {
  if (const auto* a = std::get_if<Conv2DAttributes>(&node.attributes)) return a->activation != Activation::kNone;
  if (const auto* a = std::get_if<DepthwiseConv2DAttributes>(&node.attributes)) return a->activation != Activation::kNone;
  if (const auto* a = std::get_if<FullyConnectedAttributes>(&node.attributes)) return a->activation != Activation::kNone;
  if (const auto* a = std::get_if<TransposeConvAttributes>(&node.attributes)) return a->activation != Activation::kNone;
  return true;
}

std::optional<Layer> layer_before(const Editor& editor, TensorId id, NodeId reader) {
  const NodeId made_by = editor.producer(id);
  if (made_by == kNoNode || editor.only_reader(id) != reader || has_activation(editor.node(made_by))) return std::nullopt;
  const Node& node = editor.node(made_by);
  if (!editor.is_constant(node.inputs[1])) return std::nullopt;
  if (node.inputs.size() > 2 && node.inputs[2] != kNoTensor && !editor.is_constant(node.inputs[2])) return std::nullopt;
  const Tensor& weights = editor.tensor(node.inputs[1]);
  const Tensor& out = editor.tensor(id);
  if (weights.spec.dtype != tensor::DType::kF32 || !out.spec.shape.known() || out.spec.dtype != tensor::DType::kF32)
    return std::nullopt;
  Layer layer{made_by, out.spec.shape.dims().back(), 0};
  if (node.op == Op::kDepthwiseConv2D) layer.channel_axis = 3;
  if (weights.spec.shape[layer.channel_axis] != layer.channels) return std::nullopt;
  return layer;
}

std::vector<float> bias_of(const Editor& editor, const Layer& layer) {
  const Node& node = editor.node(layer.node);
  if (node.inputs.size() > 2 && node.inputs[2] != kNoTensor) return floats_of(editor.tensor(node.inputs[2]));
  return std::vector<float>(static_cast<std::size_t>(layer.channels), 0.0F);
}

void set_bias(Editor& editor, const Layer& layer, const std::vector<float>& bias) {
  const TensorId id = editor.add({{editor.node(layer.node).name + ".bias", tensor::DType::kF32, {layer.channels}},
                                  {},
                                  tensor::Data::copy_of(std::span<const float>(bias))});
  std::vector<TensorId> inputs = editor.node(layer.node).inputs;
  if (inputs.size() < 3) inputs.resize(3, kNoTensor);
  inputs[2] = id;
  editor.set_inputs(layer.node, std::move(inputs));
}

void scale_weights(Editor& editor, const Layer& layer, std::vector<float> by_channel) {
  const Tensor& weights = editor.tensor(editor.node(layer.node).inputs[1]);
  if (weights.constant->size() == 0) return;
  std::size_t run = 1;
  for (std::size_t axis = layer.channel_axis + 1; axis < weights.spec.shape.rank(); ++axis)
    run *= static_cast<std::size_t>(weights.spec.shape[axis]);
  tensor::Data scaled = tensor::Data::scaled(*weights.constant, std::move(by_channel), run);
  const TensorId id = editor.add({weights.spec, {}, std::move(scaled)});
  editor.set_input(layer.node, 1, id);
}

// y = scale * layer(x) + offset, by channel.
void absorb(Editor& editor, const Layer& layer, NodeId id, const std::vector<float>& scale,
            const std::vector<float>& offset) {
  std::vector<float> bias = bias_of(editor, layer);
  for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * scale[c] + offset[c];
  if (std::ranges::any_of(scale, [](float s) { return s != 1.0F; })) scale_weights(editor, layer, scale);
  set_bias(editor, layer, bias);
  const TensorId output = editor.node(id).outputs[0];
  editor.remove(id);
  editor.set_output(layer.node, 0, output);
}

// One value a channel (the last axis), or one for all; nullopt: it is something else.
std::optional<std::vector<float>> by_channel(const Editor& editor, TensorId id, std::int64_t channels) {
  if (!editor.is_constant(id)) return std::nullopt;
  const Tensor& tensor = editor.tensor(id);
  if (tensor.spec.dtype != tensor::DType::kF32) return std::nullopt;
  const tensor::Shape& shape = tensor.spec.shape;
  if (shape.elements() == 1) return std::vector<float>(static_cast<std::size_t>(channels), floats_of(tensor)[0]);
  if (shape.elements() != channels || shape.dims().back() != channels) return std::nullopt;
  return floats_of(tensor);
}

void absorb_batch_norm(Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  const auto& a = std::get<NormAttributes>(node.attributes);
  const auto layer = layer_before(editor, node.inputs[0], id);
  if (!layer) return;
  const auto rank = static_cast<std::int32_t>(editor.tensor(node.outputs[0]).spec.shape.rank());
  if (a.axis != -1 && a.axis != rank - 1) return;
  std::array<std::vector<float>, 4> given;  // scale, bias, mean, variance
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto values = by_channel(editor, node.inputs[i + 1], layer->channels);
    if (!values) return;
    given[i] = *std::move(values);
  }
  std::vector<float> scale(given[0].size());
  std::vector<float> offset(given[0].size());
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const double s = double{given[0][c]} / std::sqrt(double{given[3][c]} + double{a.epsilon});
    scale[c] = static_cast<float>(s);
    offset[c] = static_cast<float>(double{given[1][c]} - s * double{given[2][c]});
  }
  absorb(editor, *layer, id, scale, offset);
}

void absorb_binary(Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  if (std::get<ElementwiseAttributes>(node.attributes).activation != Activation::kNone) return;
  const bool commutes = node.op == Op::kAdd || node.op == Op::kMul;
  const std::size_t constant = commutes && editor.is_constant(node.inputs[0]) ? 0 : 1;
  const TensorId input = node.inputs[1 - constant];
  const auto layer = layer_before(editor, input, id);
  if (!layer || editor.tensor(input).spec.shape != editor.tensor(node.outputs[0]).spec.shape) return;
  const auto values = by_channel(editor, node.inputs[constant], layer->channels);
  if (!values) return;
  std::vector<float> scale(values->size(), 1.0F);
  std::vector<float> offset(values->size(), 0.0F);
  for (std::size_t c = 0; c < values->size(); ++c) {
    const float v = (*values)[c];
    if (node.op == Op::kAdd) offset[c] = v;
    if (node.op == Op::kSub) offset[c] = -v;
    if (node.op == Op::kMul) scale[c] = v;
    if (node.op == Op::kDiv) scale[c] = 1.0F / v;
  }
  absorb(editor, *layer, id, scale, offset);
}

// The bias of a quantized layer, added by a node of its own: constant integers that are dequantized.
void attach_bias(Editor& editor, NodeId id) {
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const Node& node = editor.node(id);
    const TensorId bias = node.inputs[1 - side];
    const NodeId layer = editor.producer_of(node.inputs[side], Op::kFullyConnected);
    const NodeId dequantize = editor.producer_of(bias, Op::kDequantizeLinear);
    if (layer == kNoNode || dequantize == kNoNode || !editor.is_constant(editor.node(dequantize).inputs[0])) continue;
    if (editor.only_reader(node.inputs[side]) != id || has_activation(editor.node(layer))) continue;
    if (std::get<ElementwiseAttributes>(node.attributes).activation != Activation::kNone) continue;
    const tensor::Shape& shape = editor.tensor(bias).spec.shape;
    const tensor::Shape& out = editor.tensor(node.outputs[0]).spec.shape;
    if (editor.node(layer).inputs.size() > 2 || !shape.known() || !out.known() || shape.rank() != 1) continue;
    if (out != editor.tensor(node.inputs[side]).spec.shape || shape[0] != out.dims().back()) continue;
    std::vector<TensorId> inputs = editor.node(layer).inputs;
    inputs.push_back(bias);
    const TensorId output = node.outputs[0];
    // The bias may be made after the layer: its constant's dequantization goes before it.
    const Node made = editor.node(dequantize);
    const TensorId before = editor.add_like(bias, shape);
    editor.insert_before(layer, {made.op, made.name, made.attributes, made.inputs, {before}});
    inputs.back() = before;
    editor.remove(id);
    editor.set_inputs(layer, std::move(inputs));
    editor.set_output(layer, 0, output);
    return;
  }
}

// Constant, or constant but for being dequantized.
bool is_fixed(const Editor& editor, TensorId id) {
  if (editor.is_constant(id)) return true;
  const NodeId before = editor.producer_of(id, Op::kDequantize);
  return before != kNoNode && editor.is_constant(editor.node(before).inputs[0]);
}

void matmul_to_layer(Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  const auto a = std::get<MatMulAttributes>(node.attributes);
  const Tensor& x = editor.tensor(node.inputs[0]);
  if (a.transpose_a || !is_fixed(editor, node.inputs[1])) return;
  const Tensor& w = editor.tensor(node.inputs[1]);
  if (!w.spec.shape.known() || w.spec.shape.rank() != 2 || w.spec.dtype != tensor::DType::kF32 || w.spec.shape.elements() == 0) return;
  if (!x.spec.shape.known() || x.spec.shape.rank() == 0 || x.spec.dtype != tensor::DType::kF32) return;
  if (x.spec.shape.elements() == 0) return;
  TensorId weights = node.inputs[1];
  if (!a.transpose_b) {
    weights = editor.add_like(node.inputs[1], tensor::Shape{w.spec.shape[1], w.spec.shape[0]});
    editor.insert_before(id, {Op::kTranspose, node.name, TransposeAttributes{{1, 0}}, {node.inputs[1]}, {weights}});
  }
  const TensorId input = editor.node(id).inputs[0];
  editor.set_inputs(id, {input, weights});
  editor.set_op(id, Op::kFullyConnected, FullyConnectedAttributes{Activation::kNone, true});
}

}  // namespace

void fuse_into_weights(Editor& editor) {
  for (const NodeId id : editor.order()) {
    if (!editor.is_alive(id)) continue;
    switch (editor.node(id).op) {
      case Op::kBatchNorm:
        absorb_batch_norm(editor, id);
        break;
      case Op::kAdd:
      case Op::kSub:
      case Op::kMul:
      case Op::kDiv:
        absorb_binary(editor, id);
        if (editor.is_alive(id) && editor.node(id).op == Op::kAdd) attach_bias(editor, id);
        break;
      case Op::kMatMul:
        matmul_to_layer(editor, id);
        break;
      default:
        break;
    }
  }
}

}  // namespace lichen::graph
