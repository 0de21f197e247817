// SPDX-License-Identifier: Apache-2.0
// The table of ops: for each its name, how many tensors it takes, what it demands of them and what comes out. An op's
// row is defined in the file that bears its name; schema.cpp only lists them.
#pragma once

#include <span>
#include <string_view>

#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::graph {

// A node with its graph, for reading. Input indices were checked before one is made.
class NodeView {
 public:
  NodeView(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] std::size_t input_count() const { return node_.inputs.size(); }
  [[nodiscard]] bool has_input(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i] != kNoTensor; }
  [[nodiscard]] const Tensor& input(std::size_t i) const { return graph_.tensor(node_.inputs[i]); }
  [[nodiscard]] const Tensor& output(std::size_t i = 0) const { return graph_.tensor(node_.outputs[i]); }
  template <typename A>
  [[nodiscard]] const A& attributes() const {
    return std::get<A>(node_.attributes);
  }

 private:
  const Graph& graph_;
  const Node& node_;
};

struct OpSchema {
  Op op;
  std::string_view name;  // "Conv2D"
  std::size_t inputs_min;
  std::size_t inputs_max;
  std::size_t inputs_required;  // the first so many may not be kNoTensor
  bool (*attributes_fit)(const Attributes&);
  // Attribute values, dtypes, ranks and quantization. Errors name the tensor; verify() adds the node.
  Result<void> (*check)(const NodeView&);
  // The only output's shape, after check().
  Result<tensor::Shape> (*infer)(const NodeView&);
  // Multiply-accumulates, or element operations where the op has none, after check().
  std::int64_t (*operations)(const NodeView&);
  bool counts_as_macs;
};

[[nodiscard]] std::span<const OpSchema> schemas();
[[nodiscard]] const OpSchema& schema_of(Op op);

template <typename A>
[[nodiscard]] bool holds(const Attributes& attributes) {
  return std::holds_alternative<A>(attributes);
}

}  // namespace lichen::graph
