// SPDX-License-Identifier: Apache-2.0
#include "engine/lives.hpp"

#include <algorithm>

namespace lichen::engine {
namespace {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

// The output is the input's bytes under another shape.
bool is_view_op(Op op) {
  return op == Op::kReshape || op == Op::kSqueeze || op == Op::kUnsqueeze || op == Op::kFlatten || op == Op::kIdentity;
}

// Each element of the output is computed from the same element of the first input, so that it may take its place.
bool may_overwrite(Op op) {
  switch (op) {
    case Op::kRelu:
    case Op::kRelu6:
    case Op::kReluN1To1:
    case Op::kRelu0To1:
    case Op::kLeakyRelu:
    case Op::kHardSwish:
    case Op::kHardSigmoid:
    case Op::kLogistic:
    case Op::kTanh:
    case Op::kElu:
    case Op::kClip:
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
      return true;
    default:
      return false;
  }
}

class Recorder {
 public:
  explicit Recorder(const graph::Graph& graph) : graph_(graph) {
    lives_.block_of.assign(graph.tensors.size(), kNoBlock);
    lives_.is_view.assign(graph.nodes.size(), false);
    kept_.assign(graph.tensors.size(), false);
    last_use_.assign(graph.tensors.size(), 0);
    for (const TensorId id : graph.inputs) kept_[at(id)] = true;
    for (const TensorId id : graph.outputs) kept_[at(id)] = true;
    for (std::size_t step = 0; step < graph.nodes.size(); ++step) {
      for (const TensorId id : graph.nodes[step].inputs) {
        if (id != kNoTensor) last_use_[at(id)] = step;
      }
    }
  }

  Lives run() {
    const std::size_t end = graph_.nodes.size();
    for (const TensorId id : graph_.inputs) begin(id, 0);
    for (std::size_t step = 0; step < end; ++step) add(step);
    for (const TensorId id : graph_.inputs) use(id, end);
    for (const TensorId id : graph_.outputs) use(id, end);
    return std::move(lives_);
  }

 private:
  static std::size_t at(TensorId id) { return static_cast<std::size_t>(id); }

  void add(std::size_t step) {
    const graph::Node& node = graph_.nodes[step];
    if (!node.outputs.empty() && !node.inputs.empty() && shares(node, step)) {
      const std::size_t block = lives_.block_of[at(node.inputs[0])];
      lives_.block_of[at(node.outputs[0])] = block;
      lives_.is_view[step] = is_view_op(node.op);
      occupy(block, node.outputs[0]);
    }
    for (const TensorId id : node.outputs) {
      if (id != kNoTensor) begin(id, step);
    }
    for (const TensorId id : node.inputs) use(id, step);
    for (const TensorId id : node.outputs) use(id, step);
  }

  // May the node's first output have the block of its first input?
  bool shares(const graph::Node& node, std::size_t step) const {
    const TensorId from = node.inputs[0];
    const TensorId to = node.outputs[0];
    if (from == kNoTensor || to == kNoTensor || (kept_[at(from)] && kept_[at(to)])) return false;
    const std::size_t block = lives_.block_of[at(from)];
    if (block == kNoBlock) return false;
    if (graph_.tensor(from).spec.bytes() != graph_.tensor(to).spec.bytes()) return false;
    // Whoever else lives in this block must not be read after this node overwrites it. A view overwrites nothing.
    if (is_view_op(node.op)) return true;
    if (!may_overwrite(node.op) || owner_[block] != from) return false;
    if (std::ranges::count(node.inputs, from) > 1) return false;
    return latest_use_[block] <= step && !holds_kept_[block];
  }

  void begin(TensorId id, std::size_t step) {
    auto& block = lives_.block_of[at(id)];
    if (block != kNoBlock || graph_.tensor(id).constant) return;
    block = lives_.blocks.size();
    lives_.blocks.push_back({graph_.tensor(id).spec.bytes(), step, step});
    owner_.push_back(id);
    latest_use_.push_back(0);
    holds_kept_.push_back(false);
    occupy(block, id);
  }
  void occupy(std::size_t block, TensorId id) {
    owner_[block] = id;
    latest_use_[block] = std::max(latest_use_[block], last_use_[at(id)]);
    holds_kept_[block] = holds_kept_[block] || kept_[at(id)];
  }
  void use(TensorId id, std::size_t step) {
    if (id == kNoTensor) return;
    const std::size_t block = lives_.block_of[at(id)];
    if (block != kNoBlock) lives_.blocks[block].last_step = std::max(lives_.blocks[block].last_step, step);
  }

  const graph::Graph& graph_;
  Lives lives_;
  std::vector<bool> kept_;             // inputs and outputs of the graph
  std::vector<std::size_t> last_use_;  // by tensor: the last node that reads it
  std::vector<TensorId> owner_;        // by block: the tensor that came last
  std::vector<std::size_t> latest_use_;  // by block: the last reader of any tensor that had its place there so far
  std::vector<bool> holds_kept_;         // by block: is there an input or output of the graph among them?
};

}  // namespace

Lives lives_of(const graph::Graph& graph) {
  return Recorder(graph).run();
}

}  // namespace lichen::engine
