// SPDX-License-Identifier: Apache-2.0
// Models that say "quantize, dequantize" around layers in f32 mean layers in integers. First scales become those of
// tensors; then a layer between Dequantize and Quantize takes both in.
#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/rewrites/passes.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

// Scale and zero point of a QuantizeLinear or DequantizeLinear, where they are constant and as tensors can have them.
std::optional<tensor::Quantization> constant_scales(const Editor& editor, NodeId id, const Tensor& quantized) {
  const NodeView node(editor.graph(), editor.node(id));
  const auto& a = node.attributes<QuantizeLinearAttributes>();
  if (a.block != 0 || !node.is_constant(1) || node.input(1).spec.dtype != DType::kF32) return std::nullopt;
  tensor::Quantization q;
  q.scales = *node.floats(1);
  if (q.scales.empty()) return std::nullopt;
  for (const float scale : q.scales) {
    if (!std::isfinite(scale) || scale <= 0.0F) return std::nullopt;
  }
  q.zero_points.assign(q.scales.size(), 0);
  if (node.has_input(2)) {
    if (!node.is_constant(2) || node.input(2).spec.shape.elements() != static_cast<std::int64_t>(q.scales.size()))
      return std::nullopt;
    const tensor::Data& points = *node.input(2).constant;
    for (std::size_t i = 0; i < q.scales.size(); ++i) {
      switch (node.input(2).spec.dtype) {
        case DType::kI8:
          q.zero_points[i] = points.as<std::int8_t>()[i];
          break;
        case DType::kU8:
          q.zero_points[i] = points.as<std::uint8_t>()[i];
          break;
        case DType::kI16:
          q.zero_points[i] = points.as<std::int16_t>()[i];
          break;
        case DType::kI32:
          q.zero_points[i] = points.as<std::int32_t>()[i];
          break;
        default:
          return std::nullopt;
      }
    }
  }
  if (q.scales.size() == 1) return q;
  const tensor::Shape& shape = quantized.spec.shape;
  if (!shape.known()) return std::nullopt;
  const auto rank = static_cast<std::int32_t>(shape.rank());
  const std::int32_t axis = a.axis < 0 ? a.axis + rank : a.axis;
  if (axis < 0 || axis >= rank || shape[static_cast<std::size_t>(axis)] != static_cast<std::int64_t>(q.scales.size()))
    return std::nullopt;
  q.axis = static_cast<std::size_t>(axis);
  return q;
}

bool is_quantized_type(DType dtype) {
  return dtype == DType::kI8 || dtype == DType::kU8;
}

void dequantize_linear(Editor& editor, NodeId id) {
  const TensorId input = editor.node(id).inputs[0];
  Tensor& tensor = editor.tensor(input);
  const DType dtype = tensor.spec.dtype;
  const bool constant_bias = dtype == DType::kI32 && tensor.constant;
  if (!tensor.spec.shape.known() || (!is_quantized_type(dtype) && !constant_bias)) return;
  auto q = constant_scales(editor, id, tensor);
  if (!q || (q->per_channel() && !tensor.constant)) return;
  if (!tensor.quantization.empty() && tensor.quantization != *q) return;
  tensor.quantization = *std::move(q);
  editor.set_inputs(id, {input});
  editor.set_op(id, Op::kDequantize, NoAttributes{});
}

void quantize_linear(Editor& editor, NodeId id) {
  const TensorId output = editor.node(id).outputs[0];
  Tensor& tensor = editor.tensor(output);
  const Tensor& from = editor.tensor(editor.node(id).inputs[0]);
  if (!tensor.spec.shape.known() || !is_quantized_type(tensor.spec.dtype)) return;
  if (!from.spec.shape.known() || from.spec.dtype != DType::kF32) return;
  auto q = constant_scales(editor, id, tensor);
  if (!q || q->per_channel()) return;
  tensor.quantization = *std::move(q);
  const TensorId input = editor.node(id).inputs[0];
  editor.set_inputs(id, {input});
  editor.set_op(id, Op::kQuantize, NoAttributes{});
}

// A transpose of dequantized weights is the dequantization of transposed weights.
void hoist_transpose(Editor& editor, NodeId id) {
  const NodeId before = editor.producer_of(editor.node(id).inputs[0], Op::kDequantize);
  if (before == kNoNode) return;
  const TensorId stored = editor.node(before).inputs[0];
  const Tensor& weights = editor.tensor(stored);
  if (!weights.constant) return;
  const auto& p = std::get<TransposeAttributes>(editor.node(id).attributes).permutation;
  if (p.size() != weights.spec.shape.rank()) return;
  Tensor turned = weights;
  turned.constant.reset();
  turned.spec.shape = editor.tensor(editor.node(id).outputs[0]).spec.shape;
  if (!turned.spec.shape.known()) return;
  if (turned.quantization.per_channel()) {
    const auto at = std::ranges::find(p, static_cast<std::int32_t>(turned.quantization.axis));
    turned.quantization.axis = static_cast<std::size_t>(at - p.begin());
  }
  const std::string name = editor.node(id).name;
  const Attributes permutation = editor.node(id).attributes;
  const TensorId moved = editor.add(std::move(turned));
  editor.insert_before(id, {Op::kTranspose, name, permutation, {stored}, {moved}});
  editor.set_input(id, 0, moved);
  editor.set_op(id, Op::kDequantize, NoAttributes{});
}

// The integers behind a dequantized value; kNoTensor: it is no such value.
TensorId stored_behind(const Editor& editor, TensorId id) {
  const NodeId before = editor.producer_of(id, Op::kDequantize);
  return before == kNoNode ? kNoTensor : editor.node(before).inputs[0];
}

// Bias in units of input scale times weight scale.
std::optional<Tensor> integer_bias(const Editor& editor, TensorId id, const tensor::Quantization& x,
                                   const tensor::Quantization& w, std::int64_t channels) {
  const TensorId stored = stored_behind(editor, id);
  const Tensor& from = editor.tensor(stored != kNoTensor ? stored : id);
  if (!from.constant || from.spec.shape.elements() != channels) return std::nullopt;
  std::vector<std::int32_t> values(static_cast<std::size_t>(channels));
  for (std::size_t c = 0; c < values.size(); ++c) {
    const double unit = double{x.scale()} * double{w.scale(w.per_channel() ? c : 0)};
    double real = 0;
    if (stored != kNoTensor) {
      if (from.spec.dtype != DType::kI32 || from.quantization.zero_point(from.quantization.per_channel() ? c : 0) != 0)
        return std::nullopt;
      real = double{from.quantization.scale(from.quantization.per_channel() ? c : 0)} * from.constant->as<std::int32_t>()[c];
    } else {
      if (from.spec.dtype != DType::kF32) return std::nullopt;
      real = double{from.constant->as<float>()[c]};
    }
    const double steps = std::nearbyint(real / unit);
    if (!(std::abs(steps) < 2147483647.0)) return std::nullopt;
    values[c] = static_cast<std::int32_t>(steps);
  }
  return Tensor{{from.spec.name, DType::kI32, {channels}}, {}, tensor::Data::copy_of(std::span<const std::int32_t>(values))};
}

// Conv(Dequantize(x), Dequantize(w), bias) -> Quantize: one layer in integers.
void integer_layer(Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  const TensorId x = stored_behind(editor, node.inputs[0]);
  const TensorId w = stored_behind(editor, node.inputs[1]);
  if (x == kNoTensor || w == kNoTensor) return;
  const Tensor& input = editor.tensor(x);
  const Tensor& weights = editor.tensor(w);
  if (!is_quantized_type(input.spec.dtype) || weights.spec.dtype != input.spec.dtype || !weights.constant) return;
  const std::size_t axis = node.op == Op::kDepthwiseConv2D ? 3 : 0;
  if (weights.quantization.per_channel() && weights.quantization.axis != axis) return;
  if (weights.quantization.per_channel() &&
      std::ranges::any_of(weights.quantization.zero_points, [](std::int32_t z) { return z != 0; }))
    return;
  const NodeId quantize = editor.only_reader(node.outputs[0]);
  if (quantize == kNoNode || editor.node(quantize).op != Op::kQuantize) return;
  const TensorId y = editor.node(quantize).outputs[0];
  if (editor.tensor(y).spec.dtype != input.spec.dtype) return;
  std::vector<TensorId> inputs{x, w};
  if (node.inputs.size() > 2 && node.inputs[2] != kNoTensor) {
    auto bias = integer_bias(editor, node.inputs[2], input.quantization, weights.quantization, weights.spec.shape[axis]);
    if (!bias) return;
    inputs.push_back(editor.add(*std::move(bias)));
  }
  editor.set_inputs(id, std::move(inputs));
  editor.remove(quantize);
  editor.set_output(id, 0, y);
}

}  // namespace

void fuse_quantization(Editor& editor) {
  for (const NodeId id : editor.order()) {
    if (!editor.is_alive(id)) continue;
    switch (editor.node(id).op) {
      case Op::kDequantizeLinear:
        dequantize_linear(editor, id);
        break;
      case Op::kQuantizeLinear:
        quantize_linear(editor, id);
        break;
      case Op::kTranspose:
        hoist_transpose(editor, id);
        break;
      case Op::kConv2D:
      case Op::kDepthwiseConv2D:
      case Op::kFullyConnected:
        integer_layer(editor, id);
        break;
      default:
        break;
    }
  }
}

}  // namespace lichen::graph
