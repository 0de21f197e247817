// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "graph/rewrites/passes.hpp"
#include "tensor/permutation.hpp"

namespace lichen::graph {
namespace {

bool is_reshape(Op op) {
  return op == Op::kReshape || op == Op::kSqueeze || op == Op::kUnsqueeze || op == Op::kFlatten;
}

bool same_meaning(const Tensor& a, const Tensor& b) {
  return a.spec.dtype == b.spec.dtype && a.spec.shape.known() && a.spec.shape == b.spec.shape &&
         a.quantization == b.quantization;
}

// Takes a node out whose output is its input. Where the output is one of the graph's, the node before gives it instead.
void bypass(Editor& editor, NodeId id) {
  const TensorId from = editor.node(id).inputs[0];
  const TensorId to = editor.node(id).outputs[0];
  if (editor.replace(to, from)) {
    editor.remove(id);
    return;
  }
  const NodeId before = editor.producer(from);
  if (before == kNoNode || editor.is_output(from)) return;
  const auto& outputs = editor.node(before).outputs;
  const auto place = static_cast<std::size_t>(std::ranges::find(outputs, from) - outputs.begin());
  editor.remove(id);
  if (!editor.replace(from, to)) return;
  if (editor.tensor(to).quantization.empty()) editor.tensor(to).quantization = editor.tensor(from).quantization;
  editor.set_output(before, place, to);
}

bool is_void(const Editor& editor, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNoTensor || node.outputs.size() != 1) return false;
  const Tensor& in = editor.tensor(node.inputs[0]);
  const Tensor& out = editor.tensor(node.outputs[0]);
  switch (node.op) {
    case Op::kIdentity:
      return true;
    case Op::kReshape:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
    case Op::kFlatten:
    case Op::kExpand:
    case Op::kCast:
    case Op::kTile:
    case Op::kSlice:
    case Op::kStridedSlice:
    case Op::kPad:
      // Sizes as before: nothing was cut off or added (strides of -1 would reverse).
      return same_meaning(in, out) && node.op != Op::kSlice && node.op != Op::kStridedSlice && node.op != Op::kPad;
    case Op::kConcat:
      return node.inputs.size() == 1 && same_meaning(in, out);
    case Op::kTranspose: {
      const auto& permutation = std::get<TransposeAttributes>(node.attributes).permutation;
      for (std::size_t i = 0; i < permutation.size(); ++i) {
        if (permutation[i] != static_cast<std::int32_t>(i)) return false;
      }
      return !permutation.empty();
    }
    default:
      return false;
  }
}

// A transpose that leaves all axes longer than 1 in their order moves nothing.
bool moves_nothing(const Editor& editor, const Node& node) {
  return tensor::permutes_nothing(editor.tensor(node.inputs[0]).spec.shape,
                                  std::get<TransposeAttributes>(node.attributes).permutation);
}

void become_reshape(Editor& editor, NodeId id) {
  const Tensor& out = editor.tensor(editor.node(id).outputs[0]);
  ReshapeAttributes reshape;
  for (const std::int64_t d : out.spec.shape.dims()) reshape.shape.push_back(static_cast<std::int32_t>(d));
  const TensorId input = editor.node(id).inputs[0];
  editor.set_inputs(id, {input});
  if (reshape.shape.empty()) return;  // a scalar: the declared output says it
  editor.set_op(id, Op::kReshape, std::move(reshape));
}

// A view of known shapes says its shape itself.
void normalize_reshape(Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  const Tensor& out = editor.tensor(node.outputs[0]);
  if (!out.spec.shape.known() || out.spec.shape.rank() == 0 || !editor.tensor(node.inputs[0]).spec.shape.known()) return;
  if (node.op != Op::kReshape || node.inputs.size() > 1) become_reshape(editor, id);
}

// Two views in a row are one.
void merge_reshapes(Editor& editor, NodeId id) {
  const Tensor& out = editor.tensor(editor.node(id).outputs[0]);
  const TensorId input = editor.node(id).inputs[0];
  if (!out.spec.shape.known() || out.spec.shape.rank() == 0) return;
  const NodeId before = editor.producer(input);
  if (before == kNoNode || !is_reshape(editor.node(before).op)) return;
  const TensorId source = editor.node(before).inputs[0];
  if (!editor.tensor(source).spec.shape.known()) return;
  become_reshape(editor, id);
  editor.set_input(id, 0, source);
}

// f32 to f16 and back: the f32 that it was, which is only more exact.
void skip_narrowing(Editor& editor, NodeId id) {
  const auto to = [&](NodeId cast) { return std::get<CastAttributes>(editor.node(cast).attributes).to; };
  const NodeId before = editor.producer_of(editor.node(id).inputs[0], Op::kCast);
  if (before == kNoNode || to(before) != tensor::DType::kF16 || to(id) != tensor::DType::kF32) return;
  const TensorId source = editor.node(before).inputs[0];
  const tensor::TensorSpec& spec = editor.tensor(source).spec;
  if (spec.shape.known() && spec.dtype == tensor::DType::kF32) editor.set_input(id, 0, source);
}

std::optional<float> scalar_of(const Editor& editor, const Node& node, std::size_t input, float absent) {
  if (input >= node.inputs.size() || node.inputs[input] == kNoTensor) return absent;
  const Tensor& tensor = editor.tensor(node.inputs[input]);
  if (!tensor.constant || tensor.spec.dtype != tensor::DType::kF32 || tensor.spec.shape.elements() != 1)
    return std::nullopt;
  return tensor.constant->as<float>()[0];
}

void clip_to_relu(Editor& editor, NodeId id) {
  constexpr float kMost = std::numeric_limits<float>::max();
  const Node& node = editor.node(id);
  const Tensor& in = editor.tensor(node.inputs[0]);
  if (!in.spec.shape.known() || in.spec.dtype != tensor::DType::kF32) return;
  const auto low = scalar_of(editor, node, 1, -kMost);
  const auto high = scalar_of(editor, node, 2, kMost);
  if (!low || !high) return;
  std::optional<Op> op;
  if (*low == 0.0F && *high >= kMost) op = Op::kRelu;
  if (*low == 0.0F && *high == 6.0F) op = Op::kRelu6;
  if (*low == 0.0F && *high == 1.0F) op = Op::kRelu0To1;
  if (*low == -1.0F && *high == 1.0F) op = Op::kReluN1To1;
  if (!op) return;
  const TensorId input = node.inputs[0];
  editor.set_inputs(id, {input});
  editor.set_op(id, *op, UnaryAttributes{});
}

}  // namespace

void simplify(Editor& editor) {
  for (const NodeId id : editor.order()) {
    if (!editor.is_alive(id)) continue;
    if (editor.node(id).op == Op::kCast) skip_narrowing(editor, id);
    if (is_void(editor, editor.node(id))) {
      bypass(editor, id);
      continue;
    }
    if (is_reshape(editor.node(id).op)) {
      normalize_reshape(editor, id);
      merge_reshapes(editor, id);
    }
    if (editor.node(id).op == Op::kClip) clip_to_relu(editor, id);
  }
}

void settle_transposes(Editor& editor) {
  for (const NodeId id : editor.order()) {
    if (editor.is_alive(id) && editor.node(id).op == Op::kTranspose && moves_nothing(editor, editor.node(id)))
      become_reshape(editor, id);
  }
}

}  // namespace lichen::graph
