// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "graph/rewrites/passes.hpp"

namespace lichen::graph {
namespace {

bool near(float a, float b) {
  return std::abs(a - b) <= 1e-5F * std::abs(b);
}

std::optional<float> scalar(const Editor& editor, TensorId id) {
  if (!editor.is_constant(id)) return std::nullopt;
  const Tensor& tensor = editor.tensor(id);
  if (tensor.spec.dtype != tensor::DType::kF32 || tensor.spec.shape.elements() != 1) return std::nullopt;
  return tensor.constant->as<float>()[0];
}

bool is_plain(const Node& node) {
  const auto* a = std::get_if<ElementwiseAttributes>(&node.attributes);
  return a == nullptr || a->activation == Activation::kNone;
}

// The other input of a node with two of which one is this scalar; kNoTensor: it has none such.
TensorId beside(const Editor& editor, NodeId id, float value, bool either_side) {
  const Node& node = editor.node(id);
  if (node.inputs.size() != 2) return kNoTensor;
  for (const std::size_t side : {std::size_t{1}, std::size_t{0}}) {
    if (side == 0 && !either_side) break;
    const auto given = scalar(editor, node.inputs[side]);
    if (given && near(*given, value)) return node.inputs[1 - side];
  }
  return kNoTensor;
}

// x, where `id` is relu6(x + 3) as nodes, or as an Add with a fused clamp.
TensorId shifted_relu6(const Editor& editor, TensorId id) {
  TensorId sum = id;
  if (const NodeId clamp = editor.producer_of(id, Op::kRelu6); clamp != kNoNode) sum = editor.node(clamp).inputs[0];
  const NodeId add = editor.producer_of(sum, Op::kAdd);
  if (add == kNoNode) return kNoTensor;
  const Activation fused = std::get<ElementwiseAttributes>(editor.node(add).attributes).activation;
  const bool clamped = (sum != id && fused == Activation::kNone) || (sum == id && fused == Activation::kRelu6);
  return clamped ? beside(editor, add, 3.0F, true) : kNoTensor;
}

// x, where `id` is hard_sigmoid(x) = relu6(x + 3) / 6.
TensorId hard_sigmoid(const Editor& editor, TensorId id) {
  const NodeId made_by = editor.producer(id);
  if (made_by == kNoNode || !is_plain(editor.node(made_by))) return kNoTensor;
  const Node& node = editor.node(made_by);
  if (node.op == Op::kHardSigmoid) {
    const auto& a = std::get<UnaryAttributes>(node.attributes);
    return near(a.alpha, 1.0F / 6.0F) && near(a.beta, 0.5F) ? node.inputs[0] : kNoTensor;
  }
  TensorId clamped = kNoTensor;
  if (node.op == Op::kDiv) clamped = beside(editor, made_by, 6.0F, false);
  if (node.op == Op::kMul) clamped = beside(editor, made_by, 1.0F / 6.0F, true);
  return clamped == kNoTensor ? kNoTensor : shifted_relu6(editor, clamped);
}

bool is_f32(const Editor& editor, TensorId id) {
  const tensor::TensorSpec& spec = editor.tensor(id).spec;
  return spec.shape.known() && spec.dtype == tensor::DType::kF32;
}

void become_unary(Editor& editor, NodeId id, Op op, TensorId x, UnaryAttributes attributes = {}) {
  editor.set_inputs(id, {x});
  editor.set_op(id, op, attributes);
}

// x * hard_sigmoid(x), or (x * relu6(x + 3)) / 6.
void find_hard_swish(Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  if (!is_plain(node) || !is_f32(editor, node.outputs[0])) return;
  if (node.op == Op::kMul) {
    for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
      const TensorId x = node.inputs[side];
      if (hard_sigmoid(editor, node.inputs[1 - side]) == x && x != kNoTensor) {
        become_unary(editor, id, Op::kHardSwish, x);
        return;
      }
    }
  }
  TensorId product = kNoTensor;
  if (node.op == Op::kDiv) product = beside(editor, id, 6.0F, false);
  if (node.op == Op::kMul) product = beside(editor, id, 1.0F / 6.0F, true);
  const NodeId mul = editor.producer_of(product, Op::kMul);
  if (mul == kNoNode || !is_plain(editor.node(mul))) return;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const TensorId x = editor.node(mul).inputs[side];
    if (shifted_relu6(editor, editor.node(mul).inputs[1 - side]) != x) continue;
    become_unary(editor, id, Op::kHardSwish, x);
    return;
  }
}

// relu6(x + 3) / 6 by itself.
void find_hard_sigmoid(Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  if ((node.op != Op::kDiv && node.op != Op::kMul) || !is_f32(editor, node.outputs[0])) return;
  const TensorId x = hard_sigmoid(editor, node.outputs[0]);
  if (x == kNoTensor || editor.tensor(x).spec.shape != editor.tensor(node.outputs[0]).spec.shape) return;
  become_unary(editor, id, Op::kHardSigmoid, x, {1.0F / 6.0F, 0.5F});
}

// The mean over height and width of an image is a pooling over all of it.
void mean_to_pool(Editor& editor, NodeId id) {
  const NodeView node(editor.graph(), editor.node(id));
  const bool has_axes = node.is_constant(1) && (node.input(1).spec.dtype == tensor::DType::kI32 ||
                                                node.input(1).spec.dtype == tensor::DType::kI64);
  if (!has_axes || !is_f32(editor, editor.node(id).inputs[0])) return;
  const tensor::Shape in = node.input(0).spec.shape;
  auto axes = *node.integers(1);
  for (std::int64_t& axis : axes) axis += axis < 0 ? 4 : 0;
  std::ranges::sort(axes);
  constexpr std::int64_t kWindowMax = 1 << 15;
  if (in.rank() != 4 || axes != std::vector<std::int64_t>{1, 2} || in.elements() == 0) return;
  if (in[1] > kWindowMax || in[2] > kWindowMax) return;
  Pool2DAttributes pool;
  pool.filter_h = static_cast<std::int32_t>(in[1]);
  pool.filter_w = static_cast<std::int32_t>(in[2]);
  const TensorId x = editor.node(id).inputs[0];
  const TensorId wanted = editor.node(id).outputs[0];
  const bool keeps = node.attributes<ReduceAttributes>().keep_dims;
  editor.set_inputs(id, {x});
  editor.set_op(id, Op::kAveragePool2D, pool);
  if (keeps) return;
  const TensorId pooled = editor.add_like(wanted, tensor::Shape{in[0], 1, 1, in[3]});
  editor.set_output(id, 0, pooled);
  ReshapeAttributes reshape{{static_cast<std::int32_t>(in[0]), static_cast<std::int32_t>(in[3])}};
  editor.insert_after(id, {Op::kReshape, editor.node(id).name, std::move(reshape), {pooled}, {wanted}});
}

}  // namespace

void fuse_patterns(Editor& editor) {
  for (const NodeId id : editor.order()) {
    if (!editor.is_alive(id)) continue;
    const Op op = editor.node(id).op;
    if (op == Op::kMul || op == Op::kDiv) find_hard_swish(editor, id);
    if (editor.node(id).op == op) find_hard_sigmoid(editor, id);
    if (op == Op::kReduceMean) mean_to_pool(editor, id);
  }
}

}  // namespace lichen::graph
