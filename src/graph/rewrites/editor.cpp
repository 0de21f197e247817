// SPDX-License-Identifier: Apache-2.0
#include "graph/rewrites/editor.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace lichen::graph {
namespace {

std::size_t at(TensorId id) {
  return static_cast<std::size_t>(id);
}

}  // namespace

Editor::Editor(Graph& graph) : graph_(graph), alive_(graph.nodes.size(), true) {
  producer_.assign(graph.tensors.size(), kNoNode);
  readers_.resize(graph.tensors.size());
  is_output_.assign(graph.tensors.size(), false);
  for (const TensorId id : graph.outputs) is_output_[at(id)] = true;
  next_.resize(graph.nodes.size() + 1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    next_[i] = i;
    link(i);
  }
  next_[graph.nodes.size()] = kNoNode;
}

std::vector<NodeId> Editor::order() const {
  std::vector<NodeId> ids;
  for (NodeId id = next_[0]; id != kNoNode; id = next_[id + 1]) {
    if (alive_[id]) ids.push_back(id);
  }
  return ids;
}

NodeId Editor::producer(TensorId id) const {
  return id == kNoTensor ? kNoNode : producer_[at(id)];
}

NodeId Editor::producer_of(TensorId id, Op op) const {
  const NodeId node_id = producer(id);
  return node_id != kNoNode && node(node_id).op == op ? node_id : kNoNode;
}

bool Editor::only_for(TensorId id, NodeId reader) const {
  return !is_output(id) && std::ranges::all_of(readers(id), [&](NodeId other) { return other == reader; });
}

NodeId Editor::only_reader(TensorId id) const {
  if (is_output(id) || readers(id).size() != 1) return kNoNode;
  return readers(id).front();
}

void Editor::link(NodeId id) {
  for (const TensorId input : graph_.nodes[id].inputs) {
    if (input != kNoTensor) readers_[at(input)].push_back(id);
  }
  for (const TensorId output : graph_.nodes[id].outputs) {
    if (output != kNoTensor) producer_[at(output)] = id;
  }
}

void Editor::unlink(NodeId id) {
  for (const TensorId input : graph_.nodes[id].inputs) {
    if (input == kNoTensor) continue;
    auto& list = readers_[at(input)];
    if (const auto found = std::ranges::find(list, id); found != list.end()) list.erase(found);
  }
  for (const TensorId output : graph_.nodes[id].outputs) {
    if (output != kNoTensor && producer_[at(output)] == id) producer_[at(output)] = kNoNode;
  }
}

void Editor::set_input(NodeId id, std::size_t input, TensorId tensor_id) {
  unlink(id);
  graph_.nodes[id].inputs[input] = tensor_id;
  link(id);
  changed_ = true;
}

void Editor::set_inputs(NodeId id, std::vector<TensorId> inputs) {
  unlink(id);
  graph_.nodes[id].inputs = std::move(inputs);
  link(id);
  changed_ = true;
}

void Editor::set_output(NodeId id, std::size_t output, TensorId tensor_id) {
  unlink(id);
  graph_.nodes[id].outputs[output] = tensor_id;
  link(id);
  changed_ = true;
}

void Editor::set_op(NodeId id, Op op, Attributes attributes) {
  graph_.nodes[id].op = op;
  graph_.nodes[id].attributes = std::move(attributes);
  changed_ = true;
}

bool Editor::replace(TensorId from, TensorId to) {
  if (is_output(from)) return false;
  const std::vector<NodeId> who = readers(from);
  for (const NodeId id : who) {
    unlink(id);
    std::ranges::replace(graph_.nodes[id].inputs, from, to);
    link(id);
  }
  changed_ = true;
  return true;
}

void Editor::remove(NodeId id) {
  unlink(id);
  alive_[id] = false;
  changed_ = true;
}

NodeId Editor::insert(std::size_t previous, Node new_node) {
  const NodeId id = graph_.nodes.size();
  graph_.nodes.push_back(std::move(new_node));
  alive_.push_back(true);
  next_.push_back(next_[previous]);
  next_[previous] = id;
  link(id);
  changed_ = true;
  return id;
}

NodeId Editor::insert_before(NodeId at_node, Node new_node) {
  std::size_t previous = 0;
  while (next_[previous] != at_node) previous = next_[previous] + 1;
  return insert(previous, std::move(new_node));
}

NodeId Editor::insert_after(NodeId at_node, Node new_node) {
  return insert(at_node + 1, std::move(new_node));
}

TensorId Editor::add(Tensor new_tensor) {
  const TensorId id = graph_.add(std::move(new_tensor));
  producer_.push_back(kNoNode);
  readers_.emplace_back();
  is_output_.push_back(false);
  return id;
}

TensorId Editor::add_like(TensorId id, tensor::Shape shape) {
  Tensor made = tensor(id);
  made.constant.reset();
  made.spec.shape = shape;
  return add(std::move(made));
}

void Editor::finish() {
  std::vector<Node> nodes;
  for (const NodeId id : order()) nodes.push_back(std::move(graph_.nodes[id]));
  graph_.nodes = std::move(nodes);
}

std::vector<float> floats_of(const Tensor& tensor) {
  LICHEN_ASSERT(tensor.constant && tensor.spec.dtype == tensor::DType::kF32);
  const std::span<const float> values = tensor.constant->as<float>();
  return {values.begin(), values.end()};
}

}  // namespace lichen::graph
