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

// With and without a scale alike: a Pad is not among these.
bool moves_elements(Op op) {
  return op == Op::kReshape || op == Op::kTranspose || op == Op::kMaxPool2D || op == Op::kGather || op == Op::kSlice;
}

// Does an op read stored integers, whatever scale they have?
bool reads_stored(Op op) {
  return op == Op::kDequantize || op == Op::kDequantizeLinear || op == Op::kConvInteger || op == Op::kMatMulInteger;
}

// Gives a tensor its scale, and what is moved from or to it the same one. Other ops would mean something else by integers
// with a scale: where one stands around, false, and nothing is changed. `but` is the node that is about to become another
// op.
bool give_scale(Editor& editor, TensorId id, const tensor::Quantization& q, NodeId but) {
  std::vector<TensorId> given;
  std::vector<TensorId> wanted{id};
  // Looks at a node beside a tensor; false: it is none of those that do not mind.
  const auto goes_on = [&](NodeId node, const std::vector<TensorId>& beyond) {
    if (node == kNoNode || node == but) return true;
    if (!moves_elements(editor.node(node).op) || q.per_channel() || editor.node(node).outputs.size() != 1) return false;
    wanted.insert(wanted.end(), beyond.begin(), beyond.end());
    return true;
  };
  bool fits = true;
  while (fits && !wanted.empty()) {
    const TensorId at = wanted.back();
    wanted.pop_back();
    if (editor.tensor(at).quantization == q) continue;
    fits = editor.tensor(at).quantization.empty();
    if (!fits) break;
    editor.tensor(at).quantization = q;
    given.push_back(at);
    const NodeId producer = editor.producer(at);
    fits = goes_on(producer, producer == kNoNode ? std::vector<TensorId>{} : std::vector{editor.node(producer).inputs[0]});
    for (const NodeId reader : editor.readers(at)) {
      const Node& node = editor.node(reader);
      const bool is_moved = moves_elements(node.op) && node.inputs[0] == at;
      fits = fits && (reads_stored(node.op) || ((is_moved || reader == but) && goes_on(reader, node.outputs)));
    }
  }
  if (!fits) {
    for (const TensorId at : given) editor.tensor(at).quantization = {};
  }
  return fits;
}

void dequantize_linear(Editor& editor, NodeId id) {
  const TensorId input = editor.node(id).inputs[0];
  const Tensor& tensor = editor.tensor(input);
  const DType dtype = tensor.spec.dtype;
  if (!tensor.spec.shape.known() || !is_quantized_type(dtype)) return;
  const auto q = constant_scales(editor, id, tensor);
  if (!q || (q->per_channel() && !tensor.constant)) return;
  if (!give_scale(editor, input, *q, id)) return;
  editor.set_inputs(id, {input});
  editor.set_op(id, Op::kDequantize, NoAttributes{});
}

void quantize_linear(Editor& editor, NodeId id) {
  const TensorId output = editor.node(id).outputs[0];
  const Tensor& tensor = editor.tensor(output);
  const Tensor& from = editor.tensor(editor.node(id).inputs[0]);
  if (!tensor.spec.shape.known() || !is_quantized_type(tensor.spec.dtype)) return;
  if (!from.spec.shape.known() || from.spec.dtype != DType::kF32) return;
  const auto q = constant_scales(editor, id, tensor);
  if (!q || q->per_channel() || !give_scale(editor, output, *q, id)) return;
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

// The values of a constant bias: in f32, or in i32 behind a DequantizeLinear.
std::optional<std::vector<double>> bias_values(const Editor& editor, TensorId id) {
  const Tensor& bias = editor.tensor(id);
  if (bias.constant && bias.spec.dtype == DType::kF32) {
    const std::span<const float> values = bias.constant->as<float>();
    return std::vector<double>(values.begin(), values.end());
  }
  const NodeId before = editor.producer_of(id, Op::kDequantizeLinear);
  if (before == kNoNode) return std::nullopt;
  const Tensor& stored = editor.tensor(editor.node(before).inputs[0]);
  if (!stored.constant || stored.spec.dtype != DType::kI32) return std::nullopt;
  const auto q = constant_scales(editor, before, stored);
  if (!q) return std::nullopt;
  std::vector<double> values;
  for (const std::int32_t value : stored.constant->as<std::int32_t>()) {
    const std::size_t c = q->per_channel() ? values.size() : 0;
    values.push_back(double{q->scale(c)} * (static_cast<double>(value) - q->zero_point(c)));
  }
  return values;
}

// Bias in units of input scale times weight scale.
std::optional<Tensor> integer_bias(const Editor& editor, TensorId id, const tensor::Quantization& x,
                                   const tensor::Quantization& w, std::int64_t channels) {
  const auto reals = bias_values(editor, id);
  if (!reals || static_cast<std::int64_t>(reals->size()) != channels) return std::nullopt;
  std::vector<std::int32_t> values(reals->size());
  for (std::size_t c = 0; c < values.size(); ++c) {
    const double unit = double{x.scale()} * double{w.scale(w.per_channel() ? c : 0)};
    const double steps = std::nearbyint((*reals)[c] / unit);
    if (!(std::abs(steps) < 2147483647.0)) return std::nullopt;
    values[c] = static_cast<std::int32_t>(steps);
  }
  return Tensor{{editor.tensor(id).spec.name, DType::kI32, {channels}},
                {},
                tensor::Data::copy_of(std::span<const std::int32_t>(values))};
}

// The only Quantize that reads a tensor; kNoNode: others read it too, or another op does.
NodeId quantize_after(const Editor& editor, TensorId id) {
  const NodeId reader = editor.only_reader(id);
  return reader != kNoNode && editor.node(reader).op == Op::kQuantize ? reader : kNoNode;
}

// The same integers in i8: u8 minus 128, with the zero point moved as well, so that no value changes.
Tensor as_signed(const Tensor& tensor) {
  constexpr std::int32_t kHalf = 128;
  Tensor made{{tensor.spec.name, DType::kI8, tensor.spec.shape}, tensor.quantization, std::nullopt};
  made.quantization.zero_points[0] -= kHalf;
  return made;
}

TensorId requantize_before(Editor& editor, NodeId at, TensorId from, Tensor to) {
  const TensorId made = editor.add(std::move(to));
  editor.insert_before(at, {Op::kQuantize, editor.node(at).name, NoAttributes{}, {from}, {made}});
  return made;
}

// The integers that a layer's first input means, through a transpose where one stands between; kNoTensor: none.
TensorId integers_before(Editor& editor, NodeId id) {
  const TensorId input = editor.node(id).inputs[0];
  if (const TensorId stored = stored_behind(editor, input); stored != kNoTensor) return stored;
  const NodeId transpose = editor.producer_of(input, Op::kTranspose);
  if (transpose == kNoNode) return kNoTensor;
  const TensorId stored = stored_behind(editor, editor.node(transpose).inputs[0]);
  if (stored == kNoTensor || editor.tensor(stored).quantization.per_channel()) return kNoTensor;
  const Attributes permutation = editor.node(transpose).attributes;
  const TensorId turned = editor.add_like(stored, editor.tensor(input).spec.shape);
  editor.insert_before(id, {Op::kTranspose, editor.node(id).name, permutation, {stored}, {turned}});
  return turned;
}

bool takes_integers(const Editor& editor, NodeId id, const Tensor& weights) {
  const std::size_t axis = editor.node(id).op == Op::kDepthwiseConv2D ? 3 : 0;
  if (!weights.constant || !is_quantized_type(weights.spec.dtype)) return false;
  if (!weights.quantization.per_channel()) return true;
  return weights.quantization.axis == axis &&
         std::ranges::all_of(weights.quantization.zero_points, [](std::int32_t z) { return z == 0; });
}

// Conv(Dequantize(x), Dequantize(w), bias) -> Quantize: one layer in integers. Where x is u8 and w i8, x is moved to i8.
void integer_layer(Editor& editor, NodeId id) {
  const TensorId w = stored_behind(editor, editor.node(id).inputs[1]);
  const NodeId quantize = quantize_after(editor, editor.node(id).outputs[0]);
  if (w == kNoTensor || quantize == kNoNode || !takes_integers(editor, id, editor.tensor(w))) return;
  TensorId x = integers_before(editor, id);
  if (x == kNoTensor || !is_quantized_type(editor.tensor(x).spec.dtype)) return;
  const TensorId y = editor.node(quantize).outputs[0];
  const DType wanted = editor.tensor(w).spec.dtype;
  if (wanted != DType::kI8 && (editor.tensor(x).spec.dtype != wanted || editor.tensor(y).spec.dtype != wanted)) return;
  const std::size_t axis = editor.node(id).op == Op::kDepthwiseConv2D ? 3 : 0;
  std::vector<TensorId> inputs{x, w};
  if (editor.node(id).inputs.size() > 2 && editor.node(id).inputs[2] != kNoTensor) {
    auto bias = integer_bias(editor, editor.node(id).inputs[2], editor.tensor(x).quantization,
                             editor.tensor(w).quantization, editor.tensor(w).spec.shape[axis]);
    if (!bias) return;
    inputs.push_back(editor.add(*std::move(bias)));
  }
  if (editor.tensor(x).spec.dtype != wanted) inputs[0] = requantize_before(editor, id, x, as_signed(editor.tensor(x)));
  editor.set_inputs(id, std::move(inputs));
  if (editor.tensor(y).spec.dtype == wanted) {
    editor.remove(quantize);
    editor.set_output(id, 0, y);
    return;
  }
  const TensorId moved = editor.add(as_signed(editor.tensor(y)));
  editor.set_output(id, 0, moved);
  editor.set_input(quantize, 0, moved);
}

// Quantize(Quantize(x)) where the first only moves the zero point and the second moves it back.
void cancel_requantization(Editor& editor, NodeId id) {
  const TensorId middle = editor.node(id).inputs[0];
  const NodeId before = editor.producer_of(middle, Op::kQuantize);
  if (before == kNoNode) return;
  const TensorId first = editor.node(before).inputs[0];
  const TensorId last = editor.node(id).outputs[0];
  const Tensor& from = editor.tensor(first);
  const Tensor& to = editor.tensor(last);
  if (from.spec.dtype != to.spec.dtype || from.quantization != to.quantization || from.spec.dtype == DType::kF32) return;
  const Tensor& between = editor.tensor(middle);
  const auto unsigned_zero = [](const Tensor& t) {
    return t.quantization.zero_point() + (t.spec.dtype == DType::kI8 ? 128 : 0);
  };
  if (between.quantization.empty() || between.quantization.per_channel() || from.quantization.per_channel() ||
      between.quantization.scale() != from.quantization.scale() || unsigned_zero(between) != unsigned_zero(from))
    return;
  if (editor.replace(last, first)) editor.remove(id);
}

// Quantize(Dequantize(x)) with the same scale is x.
void cancel_pair(Editor& editor, NodeId id) {
  const TensorId stored = stored_behind(editor, editor.node(id).inputs[0]);
  if (stored == kNoTensor) return;
  const Tensor& from = editor.tensor(stored);
  const Tensor& to = editor.tensor(editor.node(id).outputs[0]);
  if (from.spec.dtype != to.spec.dtype || from.quantization != to.quantization || from.constant) return;
  if (editor.replace(editor.node(id).outputs[0], stored)) editor.remove(id);
}

// 0 in every type: what a Pad of integers with a scale takes where it is given no value.
bool is_zero(const Editor& editor, TensorId id) {
  if (id == kNoTensor) return true;
  const Tensor& tensor = editor.tensor(id);
  return tensor.constant && tensor.spec.dtype == DType::kF32 &&
         std::ranges::all_of(tensor.constant->as<float>(), [](float v) { return v == 0.0F; });
}

// Does this node only move or pick elements, so that integers can be moved in their place?
bool can_move_integers(const Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  switch (node.op) {
    case Op::kDepthToSpace:
    case Op::kGather:
    case Op::kReshape:
    case Op::kSlice:
    case Op::kSpaceToDepth:
    case Op::kSplit:
    case Op::kTranspose:
      return true;
    case Op::kMaxPool2D:
      return node.outputs.size() == 1 && std::get<Pool2DAttributes>(node.attributes).activation == Activation::kNone;
    case Op::kPad:
      return std::get<PadAttributes>(node.attributes).mode != PadMode::kConstant || node.inputs.size() < 3 ||
             is_zero(editor, node.inputs[2]);
    case Op::kResize: {
      const auto& a = std::get<ResizeAttributes>(node.attributes);
      return a.mode == ResizeMode::kNearest && a.coordinates != Coordinates::kTfCropAndResize;
    }
    default:
      return false;
  }
}

// An op that only moves or picks elements may do that before they are dequantized.
void move_integers(Editor& editor, NodeId id) {
  const TensorId stored = stored_behind(editor, editor.node(id).inputs[0]);
  if (stored == kNoTensor || editor.tensor(stored).constant || editor.tensor(stored).quantization.per_channel()) return;
  const std::vector<TensorId> reals = editor.node(id).outputs;
  if (std::ranges::any_of(reals, [&](TensorId real) {
        return real == kNoTensor || !editor.tensor(real).spec.shape.known();
      }))
    return;
  std::vector<TensorId> inputs = editor.node(id).inputs;
  inputs[0] = stored;
  if (editor.node(id).op == Op::kPad && inputs.size() > 2) inputs[2] = kNoTensor;
  editor.set_inputs(id, std::move(inputs));
  for (std::size_t i = 0; i < reals.size(); ++i) {
    const TensorId moved = editor.add_like(stored, editor.tensor(reals[i]).spec.shape);
    editor.set_output(id, i, moved);
    editor.insert_after(id, {Op::kDequantize, editor.node(id).name, NoAttributes{}, {moved}, {reals[i]}});
  }
}

// An average changes the scale only where integers are rounded as ONNX does it.
bool has_integer_form(const Graph& graph, Op op) {
  if (op == Op::kAveragePool2D) return graph.rounding == IntegerRounding::kNearestEven;
  return op == Op::kAdd || op == Op::kMul || op == Op::kSub || op == Op::kConcat || op == Op::kHardSwish ||
         op == Op::kHardSigmoid || op == Op::kLogistic || op == Op::kTanh || op == Op::kRelu || op == Op::kRelu6 ||
         op == Op::kLeakyRelu;
}

// Dequantize -> op -> Quantize: the op's own integer form.
void integer_elementwise(Editor& editor, NodeId id) {
  const NodeId quantize = quantize_after(editor, editor.node(id).outputs[0]);
  if (quantize == kNoNode) return;
  const TensorId y = editor.node(quantize).outputs[0];
  std::vector<TensorId> inputs;
  for (const TensorId input : editor.node(id).inputs) {
    const TensorId stored = stored_behind(editor, input);
    if (stored == kNoTensor || editor.tensor(stored).spec.dtype != editor.tensor(y).spec.dtype) return;
    if (editor.tensor(stored).quantization.per_channel()) return;
    inputs.push_back(stored);
  }
  editor.set_inputs(id, std::move(inputs));
  editor.remove(quantize);
  editor.set_output(id, 0, y);
}

}  // namespace

void fuse_quantization(Editor& editor) {
  for (const NodeId id : editor.order()) {
    if (!editor.is_alive(id)) continue;
    const Op op = editor.node(id).op;
    if (op == Op::kDequantizeLinear) dequantize_linear(editor, id);
    if (op == Op::kQuantizeLinear) quantize_linear(editor, id);
    if (op == Op::kTranspose) hoist_transpose(editor, id);
    if (op == Op::kConv2D || op == Op::kDepthwiseConv2D || op == Op::kFullyConnected) integer_layer(editor, id);
    if (can_move_integers(editor, id)) move_integers(editor, id);
    if (has_integer_form(editor.graph(), op)) integer_elementwise(editor, id);
    if (op == Op::kQuantize) {
      cancel_pair(editor, id);
      if (editor.is_alive(id)) cancel_requantization(editor, id);
    }
  }
}

}  // namespace lichen::graph
