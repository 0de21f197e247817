// SPDX-License-Identifier: Apache-2.0
// Tools that quantize to u8 activations and i8 weights mean layers whose two types differ. What lies between a
// QuantizeLinear and its DequantizeLinear nodes is nobody's business but theirs: as i8 it is the same integers minus 128,
// with zero points moved as well, so that no value changes and no layer has to convert.
#include <algorithm>

#include "graph/rewrites/passes.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

constexpr std::int32_t kHalf = 128;

// Weights in u8 want activations in u8.
bool has_unsigned_constants(const Editor& editor) {
  const std::vector<Tensor>& tensors = editor.graph().tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].constant && tensors[i].spec.dtype == DType::kU8 && tensors[i].spec.shape.elements() > 1 &&
        !editor.readers(static_cast<TensorId>(i)).empty())
      return true;
  }
  return false;
}

// Of a QuantizeLinear or DequantizeLinear between f32 and u8, where its zero point is known.
bool can_move(const Editor& editor, NodeId id) {
  const Node& node = editor.node(id);
  if (node.inputs.size() < 3 || node.inputs[2] == kNoTensor) return true;
  return editor.is_constant(node.inputs[2]) && editor.tensor(node.inputs[2]).spec.dtype == DType::kU8;
}

void move_zero_point(Editor& editor, NodeId id) {
  std::vector<TensorId> inputs = editor.node(id).inputs;
  const tensor::Shape shape = editor.tensor(inputs[1]).spec.shape;  // of the scale: one zero point each
  std::vector<std::int8_t> points(static_cast<std::size_t>(shape.elements()), static_cast<std::int8_t>(-kHalf));
  if (inputs.size() > 2 && inputs[2] != kNoTensor) {
    std::ranges::transform(editor.tensor(inputs[2]).constant->as<std::uint8_t>(), points.begin(),
                           [](std::uint8_t point) { return static_cast<std::int8_t>(point - kHalf); });
  }
  inputs.resize(3, kNoTensor);
  inputs[2] = editor.add({{editor.node(id).name + ".zero_point", DType::kI8, shape},
                          {},
                          tensor::Data::copy_of(std::span<const std::int8_t>(points))});
  editor.set_inputs(id, std::move(inputs));
}

void become_signed(Editor& editor, NodeId quantize) {
  const TensorId stored = editor.node(quantize).outputs[0];
  const Tensor& tensor = editor.tensor(stored);
  if (!tensor.spec.shape.known() || tensor.spec.dtype != DType::kU8 || editor.is_output(stored)) return;
  const std::vector<NodeId> readers = editor.readers(stored);
  const auto movable = [&](NodeId id) {
    return editor.tensor(editor.node(id).inputs[1]).spec.shape.known() && can_move(editor, id);
  };
  const bool all_move = movable(quantize) && std::ranges::all_of(readers, [&](NodeId reader) {
    return editor.node(reader).op == Op::kDequantizeLinear && movable(reader);
  });
  if (!all_move) return;
  editor.tensor(stored).spec.dtype = DType::kI8;
  move_zero_point(editor, quantize);
  for (const NodeId reader : readers) move_zero_point(editor, reader);
}

}  // namespace

void make_signed(Editor& editor) {
  if (has_unsigned_constants(editor)) return;
  for (const NodeId id : editor.order()) {
    if (editor.node(id).op == Op::kQuantizeLinear) become_signed(editor, id);
  }
}

}  // namespace lichen::graph
