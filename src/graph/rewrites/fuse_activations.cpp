// SPDX-License-Identifier: Apache-2.0
#include "graph/rewrites/passes.hpp"

namespace lichen::graph {
namespace {

std::optional<Activation> clamp_of(Op op) {
  switch (op) {
    case Op::kRelu:
      return Activation::kRelu;
    case Op::kRelu6:
      return Activation::kRelu6;
    case Op::kReluN1To1:
      return Activation::kReluN1To1;
    default:
      return std::nullopt;
  }
}

// Where the layer keeps its activation; null: it takes none.
Activation* activation_of(Op op, Attributes& attributes) {
  switch (op) {
    case Op::kConv2D:
      return &std::get<Conv2DAttributes>(attributes).activation;
    case Op::kDepthwiseConv2D:
      return &std::get<DepthwiseConv2DAttributes>(attributes).activation;
    case Op::kFullyConnected:
      return &std::get<FullyConnectedAttributes>(attributes).activation;
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
      return &std::get<ElementwiseAttributes>(attributes).activation;
    default:
      return nullptr;
  }
}

}  // namespace

void fuse_activations(Editor& editor) {
  for (const NodeId id : editor.order()) {
    if (!editor.is_alive(id)) continue;
    const std::optional<Activation> clamp = clamp_of(editor.node(id).op);
    if (!clamp) continue;
    const TensorId input = editor.node(id).inputs[0];
    const TensorId output = editor.node(id).outputs[0];
    const Tensor& value = editor.tensor(input);
    // Integers have their own scale before and after: one rounding instead of two would not give the same.
    if (!value.spec.shape.known() || value.spec.dtype != tensor::DType::kF32) continue;
    const NodeId layer = editor.producer(input);
    if (layer == kNoNode || editor.only_reader(input) != id) continue;
    Activation* activation = activation_of(editor.node(layer).op, editor.attributes(layer));
    if (activation == nullptr || *activation != Activation::kNone) continue;
    *activation = *clamp;
    editor.remove(id);
    editor.set_output(layer, 0, output);
  }
}

}  // namespace lichen::graph
