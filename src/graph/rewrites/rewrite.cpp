// SPDX-License-Identifier: Apache-2.0
#include "graph/rewrites.hpp"

#include <algorithm>

#include "graph/rewrites/passes.hpp"

namespace lichen::graph {
namespace {

constexpr std::size_t kRewrittenNodesMax = 5'000;  // larger graphs run as they are
constexpr int kRoundsMax = 64;
constexpr std::size_t kFoldedBytesMax = std::size_t{256} << 20;

constexpr void (*kPasses[])(Editor&) = {make_signed,       simplify,          sink_transposes, fuse_patterns,
                                        fuse_quantization, fuse_into_weights, fuse_pads,       fuse_activations,
};

bool dequantizes(Op op) {
  return op == Op::kDequantizeLinear || op == Op::kDequantize;
}

// Computes nodes whose inputs became constant. Dequantized weights wait until nothing else is left to do, for a layer in
// integers may want them as they are.
Result<bool> fold(Editor& editor, const Evaluator& evaluator, bool dequantize, std::size_t& folded_bytes) {
  bool changed = false;
  for (const NodeId id : editor.order()) {
    const Node& node = editor.node(id);
    const bool foldable = !schema_of(node.op).has_state && node.op != Op::kIf && !node.inputs.empty() &&
                          std::ranges::all_of(node.inputs, [&](TensorId t) { return t == kNoTensor || editor.is_constant(t); });
    if (!foldable || dequantizes(node.op) != dequantize) continue;
    std::size_t bytes = 0;
    bool known = true;
    for (const TensorId output : node.outputs) {
      if (output == kNoTensor) continue;
      known = known && editor.tensor(output).spec.shape.known();
      if (known) bytes += editor.tensor(output).spec.bytes();
    }
    if (!known || bytes > kFoldedBytesMax - folded_bytes) continue;
    auto values = evaluator(editor.graph(), id);
    if (!values) continue;  // left for the run, which says what is wrong with it
    for (std::size_t i = 0; i < values->size(); ++i) {
      if (node.outputs[i] != kNoTensor) editor.tensor(node.outputs[i]).constant = std::move((*values)[i].data);
    }
    folded_bytes += bytes;
    editor.remove(id);
    changed = true;
  }
  return changed;
}

}  // namespace

Result<void> rewrite(Graph& graph, const Evaluator& evaluator) {
  std::size_t folded_bytes = 0;
  for (int round = 0; round < kRoundsMax; ++round) {
    if (graph.nodes.size() > kRewrittenNodesMax) return {};
    bool changed = false;
    for (const auto pass : kPasses) {
      Editor editor(graph);
      pass(editor);
      changed = changed || editor.changed();
      editor.finish();
    }
    Editor editor(graph);
    bool folded = LICHEN_TRY(fold(editor, evaluator, false, folded_bytes));
    if (!changed && !folded) folded = LICHEN_TRY(fold(editor, evaluator, true, folded_bytes));
    editor.finish();
    if (!changed && !folded) {
      Editor last(graph);
      settle_transposes(last);
      folded = last.changed();
      last.finish();
    }
    remove_unused(graph);
    if (!changed && !folded) return {};
  }
  return {};
}

}  // namespace lichen::graph
