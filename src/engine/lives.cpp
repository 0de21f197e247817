// SPDX-License-Identifier: Apache-2.0
#include "engine/lives.hpp"

#include <algorithm>
#include <utility>

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

std::size_t at(TensorId id) {
  return static_cast<std::size_t>(id);
}

// Where tensors are to be made: inside the output of a Concat.
struct Home {
  TensorId in = kNoTensor;
  std::size_t offset = 0;  // in bytes
};

// Finds homes, one Concat after the other; the first one that wants a tensor gets it.
class Joiner {
 public:
  explicit Joiner(const graph::Graph& graph) : graph_(graph), producers_(graph.tensors.size(), nullptr) {
    homes_.resize(graph.tensors.size());
    kept_.assign(graph.tensors.size(), false);
    for (const TensorId id : graph.inputs) kept_[at(id)] = true;
    for (const TensorId id : graph.outputs) kept_[at(id)] = true;
    for (const graph::Node& node : graph.nodes) {
      for (const TensorId id : node.outputs) {
        if (id != kNoTensor) producers_[at(id)] = &node;
      }
    }
  }

  std::vector<Home> run() {
    for (const graph::Node& node : graph_.nodes) {
      if (node.op == Op::kConcat && only_copies(node)) join(node);
    }
    flatten();
    return std::move(homes_);
  }

 private:
  // Inputs one after the other in the output, as they are.
  bool only_copies(const graph::Node& node) const {
    const graph::Tensor& out = graph_.tensor(node.outputs[0]);
    const auto rank = static_cast<std::int32_t>(out.spec.shape.rank());
    const std::int32_t given = std::get<graph::AxisAttributes>(node.attributes).axis;
    const std::int32_t axis = given < 0 ? given + rank : given;
    for (std::int32_t i = 0; i < axis; ++i) {
      if (out.spec.shape[static_cast<std::size_t>(i)] != 1) return false;
    }
    return std::ranges::all_of(node.inputs, [&](TensorId id) {
      return id != kNoTensor && graph_.tensor(id).quantization == out.quantization && graph_.tensor(id).spec.dtype == out.spec.dtype;
    });
  }

  void join(const graph::Node& node) {
    std::size_t offset = 0;
    for (const TensorId id : node.inputs) {
      const TensorId made = made_as(id);
      const bool once = std::ranges::count(node.inputs, id) == 1;
      if (once && made != kNoTensor && homes_[at(made)].in == kNoTensor) homes_[at(made)] = {node.outputs[0], offset};
      offset += graph_.tensor(id).spec.bytes();
    }
  }

  // A Concat's output that is itself inside another one's: what is in it is inside of the outermost. That is made later,
  // so it has its home first when nodes are taken from the end.
  void flatten() {
    for (std::size_t step = graph_.nodes.size(); step-- > 0;) {
      for (const TensorId id : graph_.nodes[step].outputs) {
        if (id == kNoTensor || homes_[at(id)].in == kNoTensor) continue;
        const Home& around = homes_[at(homes_[at(id)].in)];
        if (around.in != kNoTensor) homes_[at(id)] = {around.in, around.offset + homes_[at(id)].offset};
      }
    }
  }

  // The tensor that a node writes, of which this one is a view; kNoTensor: it cannot be made elsewhere.
  TensorId made_as(TensorId id) const {
    const std::size_t bytes = graph_.tensor(id).spec.bytes();
    while (true) {
      const graph::Node* producer = producers_[at(id)];
      const bool free = producer != nullptr && !kept_[at(id)] && !graph_.tensor(id).constant;
      if (!free || graph_.tensor(id).spec.bytes() != bytes) return kNoTensor;
      if (!is_view_op(producer->op)) return id;
      id = producer->inputs[0];
    }
  }

  const graph::Graph& graph_;
  std::vector<Home> homes_;                     // by tensor
  std::vector<const graph::Node*> producers_;  // by tensor; null: an input or a constant
  std::vector<bool> kept_;                      // inputs and outputs of the graph
};

class Recorder {
 public:
  Recorder(const graph::Graph& graph, std::vector<Home> homes) : graph_(graph), homes_(std::move(homes)) {
    lives_.offset_of.assign(graph.tensors.size(), 0);
    lives_.joins = std::ranges::any_of(homes_, [](const Home& home) { return home.in != kNoTensor; });
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
    for (std::size_t step = 0; step < end; ++step) {
      if (graph_.nodes[step].op == Op::kConcat) lives_.is_view[step] = is_joined(graph_.nodes[step]);
    }
    return std::move(lives_);
  }

 private:
  void add(std::size_t step) {
    const graph::Node& node = graph_.nodes[step];
    if (!node.outputs.empty() && !node.inputs.empty() && shares(node, step)) {
      const std::size_t block = lives_.block_of[at(node.inputs[0])];
      lives_.block_of[at(node.outputs[0])] = block;
      lives_.offset_of[at(node.outputs[0])] = lives_.offset_of[at(node.inputs[0])];
      lives_.is_view[step] = is_view_op(node.op);
      occupy(block, node.outputs[0]);
    }
    for (const TensorId id : node.outputs) {
      if (id != kNoTensor) begin(id, step);
    }
    // The output of a Concat may have begun long before; now it is the tensor that came last.
    if (node.op == Op::kConcat) occupy(lives_.block_of[at(node.outputs[0])], node.outputs[0]);
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
    if (!may_overwrite(node.op) || owner_[block] != from || homes_[at(to)].in != kNoTensor) return false;
    if (std::ranges::count(node.inputs, from) > 1) return false;
    return latest_use_[block] <= step && !holds_kept_[block];
  }

  void begin(TensorId id, std::size_t step) {
    auto& block = lives_.block_of[at(id)];
    if (block != kNoBlock || graph_.tensor(id).constant) return;
    if (homes_[at(id)].in != kNoTensor) return begin_at_home(id, step);
    block = lives_.blocks.size();
    lives_.blocks.push_back({graph_.tensor(id).spec.bytes(), step, step});
    owner_.push_back(id);
    latest_use_.push_back(0);
    holds_kept_.push_back(false);
    occupy(block, id);
  }

  // The block is that of the Concat's output, which begins to live now; its readers are readers of the block from here
  // on, so that nothing overwrites this part before they are done.
  void begin_at_home(TensorId id, std::size_t step) {
    const Home& home = homes_[at(id)];
    begin(home.in, step);
    const std::size_t block = lives_.block_of[at(home.in)];
    lives_.block_of[at(id)] = block;
    lives_.offset_of[at(id)] = lives_.offset_of[at(home.in)] + home.offset;
    occupy(block, id);
  }

  // Is each input where the output has it?
  bool is_joined(const graph::Node& node) const {
    const TensorId to = node.outputs[0];
    std::size_t offset = lives_.offset_of[at(to)];
    for (const TensorId id : node.inputs) {
      if (lives_.block_of[at(id)] != lives_.block_of[at(to)] || lives_.offset_of[at(id)] != offset) return false;
      offset += graph_.tensor(id).spec.bytes();
    }
    return true;
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
  std::vector<Home> homes_;  // by tensor; those without are made in blocks of their own
  Lives lives_;
  std::vector<bool> kept_;             // inputs and outputs of the graph
  std::vector<std::size_t> last_use_;  // by tensor: the last node that reads it
  std::vector<TensorId> owner_;        // by block: the tensor that came last
  std::vector<std::size_t> latest_use_;  // by block: the last reader of any tensor that had its place there so far
  std::vector<bool> holds_kept_;         // by block: is there an input or output of the graph among them?
};

}  // namespace

Lives lives_of(const graph::Graph& graph, Concats concats) {
  std::vector<Home> homes(graph.tensors.size());
  if (concats == Concats::kInPlace) homes = Joiner(graph).run();
  return Recorder(graph, std::move(homes)).run();
}

}  // namespace lichen::engine
