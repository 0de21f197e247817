// SPDX-License-Identifier: Apache-2.0
#include "engine/specialize.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "engine/evaluate.hpp"
#include "graph/rewrites.hpp"
#include "graph/verify.hpp"

namespace lichen::engine {
namespace {

using graph::Graph;
using graph::kNoTensor;
using graph::Node;
using graph::Op;
using graph::TensorId;

constexpr std::size_t kInlinedNodesMax = graph::kNodesMax;

class Specializer {
 public:
  // Dequantized weights are not folded before the rewrites had a look at them. What is folded makes at most `left` bytes.
  Specializer(const Graph& from, bool is_rewritten, std::size_t left)
      : graph_(from), is_rewritten_(is_rewritten), left_(left) {}

  [[nodiscard]] std::size_t left() const { return left_; }

  Result<Graph> run(std::span<const tensor::Shape> input_shapes) {
    if (!input_shapes.empty()) LICHEN_TRY(set_inputs(input_shapes));
    todo_.assign(std::make_move_iterator(graph_.nodes.begin()), std::make_move_iterator(graph_.nodes.end()));
    graph_.nodes.clear();
    while (!todo_.empty()) {
      Node node = std::move(todo_.front());
      todo_.pop_front();
      LICHEN_TRY(take(std::move(node)));
    }
    return std::move(graph_);
  }

 private:
  Result<void> set_inputs(std::span<const tensor::Shape> shapes) {
    if (shapes.size() != graph_.inputs.size()) {
      return fail(Code::kBadInput, "cannot plan model", graph_.name,
                  fmt::format("{} input shapes for {} inputs", shapes.size(), graph_.inputs.size()));
    }
    bool changed = false;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      tensor::TensorSpec& spec = graph_.tensor(graph_.inputs[i]).spec;
      if (spec.shape == shapes[i]) continue;
      if (spec.shape.known() && spec.shape.rank() != shapes[i].rank()) {
        return fail(Code::kBadInput, "cannot plan model", fmt::format("{}, input '{}'", graph_.name, spec.name),
                    fmt::format("shape {} where {} is declared: the rank is another", shapes[i].to_text(),
                                spec.shape.to_text()));
      }
      spec.shape = shapes[i];
      changed = true;
    }
    if (changed) forget_shapes();
    return {};
  }

  // What was declared for other input shapes.
  void forget_shapes() {
    for (const Node& node : graph_.nodes) {
      for (const TensorId id : node.outputs) {
        if (id != kNoTensor) graph_.tensor(id).spec.shape = tensor::Shape::unknown();
      }
    }
  }

  bool is_known(TensorId id) const { return id == kNoTensor || graph_.tensor(id).spec.shape.known(); }
  bool is_constant(TensorId id) const { return id == kNoTensor || graph_.tensor(id).constant.has_value(); }

  Result<void> take(Node node) {
    graph_.nodes.push_back(std::move(node));
    const std::size_t at = graph_.nodes.size() - 1;
    if (!std::ranges::all_of(graph_.nodes[at].inputs, [&](TensorId id) { return is_known(id); })) return {};
    LICHEN_TRY(settle(at));
    if (graph_.nodes[at].op == Op::kIf) return is_constant(graph_.nodes[at].inputs[0]) ? take_branch(at) : Result<void>{};
    return can_fold(graph_.nodes[at]) ? fold(at) : Result<void>{};
  }

  // Types of the node's outputs from its inputs.
  Result<void> settle(std::size_t at) {
    const graph::OutputTypes types = LICHEN_TRY(graph::infer_node(graph_, at));
    const Node& node = graph_.nodes[at];
    bool all_known = true;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoTensor) continue;
      tensor::TensorSpec& spec = graph_.tensor(node.outputs[i]).spec;
      if (!spec.shape.known() && types[i].shape && !types[i].bound) {
        spec.shape = *types[i].shape;
        spec.dtype = types[i].dtype;
      }
      all_known = all_known && spec.shape.known();
    }
    return all_known ? graph::check_outputs(graph_, at) : Result<void>{};
  }

  bool can_fold(const Node& node) const {
    if (graph::schema_of(node.op).has_state || !has_kernel(node.op)) return false;
    if (is_rewritten_ && (node.op == Op::kDequantizeLinear || node.op == Op::kDequantize)) return false;
    const bool only_shapes = node.op == Op::kShape || node.op == Op::kSize;
    if (!only_shapes && !std::ranges::all_of(node.inputs, [&](TensorId id) { return is_constant(id); })) return false;
    std::size_t bytes = 0;
    for (const TensorId id : node.outputs) {
      if (id == kNoTensor) continue;
      // A size that only the kernel knows is found when the node is computed.
      if (graph_.tensor(id).spec.shape.known()) bytes += graph_.tensor(id).spec.bytes();
    }
    return bytes <= left_;
  }

  Result<void> fold(std::size_t at) {
    std::vector<tensor::Tensor> values = LICHEN_TRY(evaluate(graph_, at));
    const Node node = std::move(graph_.nodes[at]);
    graph_.nodes.pop_back();
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoTensor) continue;
      graph::Tensor& tensor = graph_.tensor(node.outputs[i]);
      tensor.spec.shape = values[i].spec.shape;
      tensor.spec.dtype = values[i].spec.dtype;
      left_ -= std::min(left_, tensor.spec.bytes());
      tensor.constant = std::move(values[i].data);
    }
    return {};
  }

  // Puts the body of the branch that is always taken in the place of the If.
  Result<void> take_branch(std::size_t at) {
    const Node node = std::move(graph_.nodes[at]);
    graph_.nodes.pop_back();
    const auto& a = std::get<graph::IfAttributes>(node.attributes);
    const bool condition = graph_.tensor(node.inputs[0]).constant->bytes()[0] != std::byte{0};
    const Graph body = graph_.subgraphs[static_cast<std::size_t>(condition ? a.then_graph : a.else_graph)];
    inlined_nodes_ += body.nodes.size() + body.outputs.size();
    if (inlined_nodes_ > kInlinedNodesMax || graph_.subgraphs.size() + body.subgraphs.size() > graph::kSubgraphsMax) {
      return fail(Code::kExhausted, "cannot plan model", graph_.name, "its branches unfold into too many nodes");
    }
    std::vector<TensorId> ids(body.tensors.size(), kNoTensor);
    for (std::size_t i = 0; i < body.inputs.size(); ++i) ids[static_cast<std::size_t>(body.inputs[i])] = node.inputs[i + 1];
    for (std::size_t i = 0; i < body.tensors.size(); ++i) {
      if (ids[i] == kNoTensor) ids[i] = graph_.add(body.tensors[i]);
    }
    const auto first_body = static_cast<std::int32_t>(graph_.subgraphs.size());
    graph_.subgraphs.insert(graph_.subgraphs.end(), body.subgraphs.begin(), body.subgraphs.end());
    std::vector<Node> unfolded;
    for (Node inner : body.nodes) {
      for (auto* list : {&inner.inputs, &inner.outputs}) {
        for (TensorId& id : *list) id = id == kNoTensor ? kNoTensor : ids[static_cast<std::size_t>(id)];
      }
      if (auto* branch = std::get_if<graph::IfAttributes>(&inner.attributes)) {
        branch->then_graph += first_body;
        branch->else_graph += first_body;
      }
      unfolded.push_back(std::move(inner));
    }
    for (std::size_t i = 0; i < body.outputs.size(); ++i) {
      if (node.outputs[i] == kNoTensor) continue;
      unfolded.push_back({Op::kIdentity, node.name, graph::NoAttributes{},
                          {ids[static_cast<std::size_t>(body.outputs[i])]}, {node.outputs[i]}});
    }
    todo_.insert(todo_.begin(), std::make_move_iterator(unfolded.begin()), std::make_move_iterator(unfolded.end()));
    return {};
  }

  Graph graph_;
  bool is_rewritten_;
  std::deque<Node> todo_;
  std::size_t left_;
  std::size_t inlined_nodes_ = 0;
};

std::size_t bytes_of_outputs(const Graph& graph, const Node& node) {
  std::size_t bytes = 0;
  for (const TensorId id : node.outputs) {
    if (id != kNoTensor && graph.tensor(id).spec.shape.known()) bytes += graph.tensor(id).spec.bytes();
  }
  return bytes;
}

// Rewrites bodies of branches that may be taken, and theirs. What they fold may make, all together, no more than `left`.
class BodyRewriter {
 public:
  explicit BodyRewriter(std::size_t left) : left_(left) {}

  void rewrite_bodies_of(Graph& graph, std::size_t depth = 0) {
    if (!graph.variables.empty() || depth >= graph::kSubgraphDepthMax) return;  // bodies use variables of other graphs
    std::vector<std::size_t> uses(graph.subgraphs.size(), 0);
    for_each_body(graph, [&](const Node&, std::size_t which) { ++uses[which]; });
    for_each_body(graph, [&](const Node& node, std::size_t which) {
      if (uses[which] > 1) return;  // nodes may give it different things
      if (auto body = rewritten(graph, node, which, depth)) graph.subgraphs[which] = *std::move(body);
    });
  }

 private:
  template <typename F>
  static void for_each_body(const Graph& graph, const F& f) {
    for (const Node& node : graph.nodes) {
      const auto* branches = std::get_if<graph::IfAttributes>(&node.attributes);
      if (branches == nullptr) continue;
      f(node, static_cast<std::size_t>(branches->then_graph));
      f(node, static_cast<std::size_t>(branches->else_graph));
    }
  }

  // For what the node gives it. Nothing, where that does not go: it may be a branch that is never taken for such
  // inputs, and says so if it is.
  std::optional<Graph> rewritten(const Graph& graph, const Node& node, std::size_t which, std::size_t depth) {
    Graph body = graph.subgraphs[which];
    body.rounding = graph.rounding;
    for (std::size_t i = 0; i < body.inputs.size(); ++i) {
      const tensor::TensorSpec& given = graph.tensor(node.inputs[i + 1]).spec;
      tensor::TensorSpec& taken = body.tensor(body.inputs[i]).spec;
      if (!given.shape.known()) continue;
      taken.shape = given.shape;
      taken.dtype = given.dtype;
    }
    Specializer specializer(body, true, left_);
    auto special = specializer.run({});
    left_ = specializer.left();
    if (!special) return std::nullopt;
    const auto evaluator = [this](const Graph& g, std::size_t at) -> Result<std::vector<tensor::Tensor>> {
      const std::size_t bytes = bytes_of_outputs(g, g.nodes[at]);
      if (bytes > left_) return fail(Code::kExhausted, "cannot plan model", g.name, "its branches fold into too much");
      left_ -= bytes;
      return evaluate(g, at);
    };
    if (!graph::rewrite(*special, evaluator)) return std::nullopt;
    graph::remove_unused(*special);
    rewrite_bodies_of(*special, depth + 1);
    if (!graph::verify(*special)) return std::nullopt;
    return *std::move(special);
  }

  std::size_t left_;
};

}  // namespace

Result<Graph> specialize(const Graph& graph, const SpecializeOptions& options) {
  LICHEN_TRY(graph::verify(graph));
  Graph special = LICHEN_TRY(Specializer(graph, options.rewrite, kFoldedBytesMax).run(options.input_shapes));
  if (options.rewrite) {
    const auto evaluator = [](const Graph& g, std::size_t at) { return evaluate(g, at); };
    LICHEN_TRY(graph::rewrite(special, evaluator));
    graph::remove_unused(special);
    BodyRewriter(kFoldedBytesMax).rewrite_bodies_of(special);
  }
  graph::remove_unused(special);
  special.free_dimensions.clear();  // nothing is open any more, so everything is checked
  if (auto verified = graph::verify(special); !verified) {
    Error error = std::move(verified).error();
    error.code = Code::kInternal;  // the graph was whole before
    error.what = "rewriting broke the model";
    return std::unexpected(std::move(error));
  }
  return special;
}

}  // namespace lichen::engine
