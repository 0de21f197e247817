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
  std::size_t offset = 0;     // in bytes
  std::size_t row_bytes = 0;  // as Lives::row_bytes_of
};

std::size_t axis_of(const graph::Graph& graph, const graph::Node& concat) {
  const std::int32_t given = std::get<graph::AxisAttributes>(concat.attributes).axis;
  return static_cast<std::size_t>(given < 0 ? given + static_cast<std::int32_t>(graph.tensor(concat.outputs[0]).spec.shape.rank())
                                            : given);
}

// The bytes of what is along the axis and behind it: they lie together.
std::size_t run_bytes(const tensor::TensorSpec& spec, std::size_t axis) {
  std::size_t bytes = tensor::size_of(spec.dtype);
  for (std::size_t i = axis; i < spec.shape.rank(); ++i) bytes *= static_cast<std::size_t>(spec.shape[i]);
  return bytes;
}

// Where the output of a Concat has each of its inputs.
std::vector<Home> places_in(const graph::Graph& graph, const graph::Node& concat) {
  const graph::Tensor& out = graph.tensor(concat.outputs[0]);
  const std::size_t axis = axis_of(graph, concat);
  const std::size_t run = run_bytes(out.spec, axis);
  const std::size_t row_bytes = run == out.spec.bytes() ? 0 : run;
  std::vector<Home> places;
  std::size_t offset = 0;
  for (const TensorId id : concat.inputs) {
    places.push_back({concat.outputs[0], offset, row_bytes});
    offset += run_bytes(graph.tensor(id).spec, axis);
  }
  return places;
}

// Finds homes, one Concat after the other; the first one that wants a tensor gets it.
class Joiner {
 public:
  Joiner(const graph::Graph& graph, const std::vector<bool>& spaces_rows)
      : graph_(graph), spaces_rows_(spaces_rows), producers_(graph.tensors.size(), nullptr) {
    homes_.resize(graph.tensors.size());
    kept_.assign(graph.tensors.size(), false);
    reads_.assign(graph.tensors.size(), 0);
    for (const TensorId id : graph.inputs) kept_[at(id)] = true;
    for (const TensorId id : graph.outputs) kept_[at(id)] = true;
    for (const graph::Node& node : graph.nodes) {
      for (const TensorId id : node.inputs) {
        if (id != kNoTensor) ++reads_[at(id)];
      }
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
  // Inputs as they are in the output.
  bool only_copies(const graph::Node& node) const {
    const graph::Tensor& out = graph_.tensor(node.outputs[0]);
    return out.spec.bytes() > 0 && std::ranges::all_of(node.inputs, [&](TensorId id) {
      return id != kNoTensor && graph_.tensor(id).quantization == out.quantization && graph_.tensor(id).spec.dtype == out.spec.dtype;
    });
  }

  void join(const graph::Node& node) {
    const std::vector<Home> places = places_in(graph_, node);
    const bool is_last_axis = axis_of(graph_, node) + 1 == graph_.tensor(node.outputs[0]).spec.shape.rank();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const TensorId id = node.inputs[i];
      const bool in_rows = places[i].row_bytes != 0;
      if (in_rows && !(is_last_axis && can_be_rows(id))) continue;
      const TensorId made = made_as(id);
      const bool once = std::ranges::count(node.inputs, id) == 1;
      if (once && made != kNoTensor && homes_[at(made)].in == kNoTensor) homes_[at(made)] = places[i];
    }
  }

  // Of a tensor that is read once, by the Concat: made by a node that writes rows apart, and no view.
  bool can_be_rows(TensorId id) const {
    const graph::Node* producer = producers_[at(id)];
    if (producer == nullptr || reads_[at(id)] != 1 || producer->outputs[0] != id) return false;
    const auto node = static_cast<std::size_t>(producer - graph_.nodes.data());
    return node < spaces_rows_.size() && spaces_rows_[node];
  }

  // A Concat's output that is itself inside another one's: what is in it is inside of the outermost. That is made later,
  // so it has its home first when nodes are taken from the end.
  void flatten() {
    for (std::size_t step = graph_.nodes.size(); step-- > 0;) {
      for (const TensorId id : graph_.nodes[step].outputs) {
        if (id == kNoTensor || homes_[at(id)].in == kNoTensor) continue;
        const Home& around = homes_[at(homes_[at(id)].in)];
        // No Concat writes rows apart, so what is around is dense.
        if (around.in != kNoTensor) homes_[at(id)] = {around.in, around.offset + homes_[at(id)].offset, homes_[at(id)].row_bytes};
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
  const std::vector<bool>& spaces_rows_;        // by node
  std::vector<Home> homes_;                     // by tensor
  std::vector<std::size_t> reads_;              // by tensor: by nodes
  std::vector<const graph::Node*> producers_;  // by tensor; null: an input or a constant
  std::vector<bool> kept_;                      // inputs and outputs of the graph
};

class Recorder {
 public:
  Recorder(const graph::Graph& graph, std::vector<Home> homes) : graph_(graph), homes_(std::move(homes)) {
    lives_.offset_of.assign(graph.tensors.size(), 0);
    lives_.row_bytes_of.assign(graph.tensors.size(), 0);
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
      if (graph_.nodes[step].op != Op::kConcat) continue;
      const std::vector<bool> inputs = joined(graph_, graph_.nodes[step], lives_);
      lives_.is_view[step] = std::ranges::find(inputs, false) == inputs.end();
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
    lives_.row_bytes_of[at(id)] = home.row_bytes;
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
  std::vector<Home> homes_;  // by tensor; those without are made in blocks of their own
  Lives lives_;
  std::vector<bool> kept_;             // inputs and outputs of the graph
  std::vector<std::size_t> last_use_;  // by tensor: the last node that reads it
  std::vector<TensorId> owner_;        // by block: the tensor that came last
  std::vector<std::size_t> latest_use_;  // by block: the last reader of any tensor that had its place there so far
  std::vector<bool> holds_kept_;         // by block: is there an input or output of the graph among them?
};

}  // namespace

std::vector<bool> joined(const graph::Graph& graph, const graph::Node& concat, const Lives& lives) {
  const std::size_t to = at(concat.outputs[0]);
  const std::vector<Home> places = places_in(graph, concat);
  std::vector<bool> there;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::size_t id = at(concat.inputs[i]);
    there.push_back(lives.block_of[id] == lives.block_of[to] && lives.row_bytes_of[id] == places[i].row_bytes &&
                    lives.offset_of[id] == lives.offset_of[to] + places[i].offset);
  }
  return there;
}

Lives lives_of(const graph::Graph& graph, Concats concats, const std::vector<bool>& spaces_rows) {
  std::vector<Home> homes(graph.tensors.size());
  if (concats == Concats::kInPlace) homes = Joiner(graph, spaces_rows).run();
  return Recorder(graph, std::move(homes)).run();
}

}  // namespace lichen::engine
