// SPDX-License-Identifier: Apache-2.0
// A graph under change: who makes and who reads each tensor, kept up to date while nodes are changed, added and removed.
// Internal to graph/rewrites.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "graph/ops/schema.hpp"

namespace lichen::graph {

using NodeId = std::size_t;  // stays the same while the editor lives
inline constexpr NodeId kNoNode = static_cast<NodeId>(-1);

class Editor {
 public:
  explicit Editor(Graph& graph);

  [[nodiscard]] Graph& graph() { return graph_; }
  [[nodiscard]] const Graph& graph() const { return graph_; }
  [[nodiscard]] const Node& node(NodeId id) const { return graph_.nodes[id]; }
  [[nodiscard]] Tensor& tensor(TensorId id) { return graph_.tensor(id); }
  [[nodiscard]] const Tensor& tensor(TensorId id) const { return graph_.tensor(id); }
  [[nodiscard]] bool is_alive(NodeId id) const { return alive_[id]; }
  // All nodes in running order, as of now.
  [[nodiscard]] std::vector<NodeId> order() const;

  [[nodiscard]] NodeId producer(TensorId id) const;  // kNoNode: an input or a constant
  [[nodiscard]] const std::vector<NodeId>& readers(TensorId id) const { return readers_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] bool is_output(TensorId id) const { return is_output_[static_cast<std::size_t>(id)]; }
  // Is `reader` the only one who has any use for this tensor?
  [[nodiscard]] bool only_for(TensorId id, NodeId reader) const;
  // The only reader of a tensor that nobody else wants; kNoNode: there is none.
  [[nodiscard]] NodeId only_reader(TensorId id) const;
  // The producer, where it is of this op.
  [[nodiscard]] NodeId producer_of(TensorId id, Op op) const;
  [[nodiscard]] bool is_constant(TensorId id) const { return id != kNoTensor && tensor(id).constant.has_value(); }

  void set_input(NodeId id, std::size_t input, TensorId tensor);
  void set_inputs(NodeId id, std::vector<TensorId> inputs);
  void set_output(NodeId id, std::size_t output, TensorId tensor);
  void set_op(NodeId id, Op op, Attributes attributes);
  [[nodiscard]] Attributes& attributes(NodeId id) { return graph_.nodes[id].attributes; }
  // Everyone who reads `from` reads `to` instead. If `from` is an output of the graph, false, and nothing is done.
  [[nodiscard]] bool replace(TensorId from, TensorId to);
  void remove(NodeId id);
  NodeId insert_before(NodeId at, Node node);
  NodeId insert_after(NodeId at, Node node);
  // A new tensor like another one, with another shape.
  TensorId add_like(TensorId id, tensor::Shape shape);
  TensorId add(Tensor tensor);

  [[nodiscard]] bool changed() const { return changed_; }
  // Puts the nodes of the graph in order and drops the removed ones. The editor is of no use after that.
  void finish();

 private:
  void link(NodeId id);
  void unlink(NodeId id);
  NodeId insert(std::size_t previous, Node node);

  Graph& graph_;
  std::vector<bool> alive_;
  std::vector<std::size_t> next_;  // by node: the one that runs after it; entry i + 1 is node i's, entry 0 the first
  std::vector<NodeId> producer_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> is_output_;
  bool changed_ = false;
};

// The values of a constant f32 tensor.
[[nodiscard]] std::vector<float> floats_of(const Tensor& tensor);

}  // namespace lichen::graph
