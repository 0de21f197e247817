// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "graph/rewrites/passes.hpp"

namespace lichen::graph {
namespace {

// Rows and columns that a Pad of an image adds with the value that convolutions pad with; nullopt: it does more.
std::optional<Pads2D> zeros_around(const Editor& editor, NodeId id) {
  const NodeView node(editor.graph(), editor.node(id));
  const auto& a = node.attributes<PadAttributes>();
  if (a.mode != PadMode::kConstant || node.has_input(3) || !node.is_constant(1)) return std::nullopt;
  const Tensor& input = node.input(0);
  if (!input.spec.shape.known() || input.spec.shape.rank() != 4) return std::nullopt;
  if (node.has_input(2)) {
    if (!node.is_constant(2) || input.spec.dtype != tensor::DType::kF32) return std::nullopt;
    const auto value = node.floats(2);
    if (!value || value->size() != 1 || (*value)[0] != 0.0F) return std::nullopt;
  }
  const auto pads = node.integers(1);
  constexpr std::size_t kPads = 8;
  if (!pads || pads->size() != kPads) return std::nullopt;
  const auto pad = [&](std::size_t axis, std::size_t side) {
    return (*pads)[a.pairs ? 2 * axis + side : side * 4 + axis];
  };
  constexpr std::int64_t kPadMax = 1 << 14;
  for (const std::int64_t value : *pads) {
    if (value < 0 || value > kPadMax) return std::nullopt;
  }
  if (pad(0, 0) + pad(0, 1) + pad(3, 0) + pad(3, 1) != 0) return std::nullopt;
  return Pads2D{static_cast<std::int32_t>(pad(1, 0)), static_cast<std::int32_t>(pad(2, 0)),
                static_cast<std::int32_t>(pad(1, 1)), static_cast<std::int32_t>(pad(2, 1))};
}

template <typename A>
void widen(Editor& editor, NodeId layer, NodeId pad, const Pads2D& added) {
  A a = std::get<A>(editor.node(layer).attributes);
  if (a.padding != Padding::kValid && a.padding != Padding::kExplicit) return;
  if (a.padding == Padding::kValid) a.pads = {};
  a.padding = Padding::kExplicit;
  a.pads.top += added.top;
  a.pads.left += added.left;
  a.pads.bottom += added.bottom;
  a.pads.right += added.right;
  editor.set_op(layer, editor.node(layer).op, a);
  editor.set_input(layer, 0, editor.node(pad).inputs[0]);
}

}  // namespace

void fuse_pads(Editor& editor) {
  for (const NodeId id : editor.order()) {
    if (!editor.is_alive(id)) continue;
    const Op op = editor.node(id).op;
    if (op != Op::kConv2D && op != Op::kDepthwiseConv2D) continue;
    const NodeId pad = editor.producer_of(editor.node(id).inputs[0], Op::kPad);
    if (pad == kNoNode) continue;
    // Integers pad with the zero point, and both tensors must mean the same.
    const Tensor& before = editor.tensor(editor.node(pad).inputs[0]);
    const Tensor& after = editor.tensor(editor.node(pad).outputs[0]);
    if (before.quantization != after.quantization) continue;
    const std::optional<Pads2D> added = zeros_around(editor, pad);
    if (!added) continue;
    if (op == Op::kConv2D) {
      widen<Conv2DAttributes>(editor, id, pad, *added);
    } else {
      widen<DepthwiseConv2DAttributes>(editor, id, pad, *added);
    }
  }
}

}  // namespace lichen::graph
