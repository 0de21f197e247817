// SPDX-License-Identifier: Apache-2.0
// The table of ops: for each its name, how many inputs and outputs it takes, what it demands of them, and the types and
// shapes that it gives. A family of ops has one file here (graph/ops/<family>.cpp) which gives its rows; adding an op is
// one row, and one file or row in each other room (docs/adding-an-op.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::graph {

// What is known of tensors beside constants, while a graph runs: their bytes by tensor id, null where not known. It
// remembers what it was asked for, so that a plan knows on which values it rests.
struct KnownValues {
  std::span<const ByteView> bytes;
  std::uint64_t asked = 0;  // bit i: a value of the node's input i, which is not constant, was given out
  bool missing = false;     // a value was asked for that is not known
};

// A node with its graph, for reading. Input indices were checked before one is made.
class NodeView {
 public:
  // `values` may be null: only constants are known. It is written to, and outlives the view.
  NodeView(const Graph& graph, const Node& node, KnownValues* values = nullptr)
      : graph_(graph), node_(node), values_(values) {}

  [[nodiscard]] const Graph& graph() const { return graph_; }
  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] std::size_t input_count() const { return node_.inputs.size(); }
  [[nodiscard]] bool has_input(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i] != kNoTensor; }
  [[nodiscard]] const Tensor& input(std::size_t i) const { return graph_.tensor(node_.inputs[i]); }
  [[nodiscard]] std::size_t output_count() const { return node_.outputs.size(); }
  [[nodiscard]] bool has_output(std::size_t i) const {
    return i < node_.outputs.size() && node_.outputs[i] != kNoTensor;
  }
  [[nodiscard]] const Tensor& output(std::size_t i = 0) const { return graph_.tensor(node_.outputs[i]); }
  template <typename A>
  [[nodiscard]] const A& attributes() const {
    return std::get<A>(node_.attributes);
  }

  // Is there an input i that is the same in every run? Weights that are can be packed when the model is planned.
  [[nodiscard]] bool is_constant(std::size_t i) const { return has_input(i) && input(i).constant.has_value(); }
  // The bytes of input i where they are known by now: a constant, or computed already. Its type is input(i).spec's.
  [[nodiscard]] std::optional<ByteView> value(std::size_t i) const;
  // The same as integers, of an i32 or i64 input; nullopt: not known. Asserts the type.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::size_t i) const;
  // The same of an f32 input.
  [[nodiscard]] std::optional<std::vector<float>> floats(std::size_t i) const;

 private:
  const Graph& graph_;
  const Node& node_;
  KnownValues* values_;
};

// What a node gives. No shape: it depends on values that are not known yet. `bound`: the shape is an upper bound (its
// first dimension that the kernel reports may be smaller), known only after the kernel ran.
struct OutputType {
  tensor::DType dtype = tensor::DType::kF32;
  std::optional<tensor::Shape> shape;
  bool bound = false;
};
using OutputTypes = std::vector<OutputType>;

struct OpSchema {
  Op op = Op::kCount;
  std::string_view name;  // "Conv2D"
  std::size_t inputs_min = 1;
  std::size_t inputs_max = 1;
  std::size_t inputs_required = 1;  // the first so many may not be kNoTensor
  std::size_t outputs_min = 1;
  std::size_t outputs_max = 1;
  bool (*attributes_fit)(const Attributes&) = nullptr;
  // Of inputs and attributes: values, dtypes, ranks, quantization. Called when all inputs have known shapes. Errors name
  // the tensor; verify() adds the node. Null: nothing to demand.
  Result<void> (*check)(const NodeView&) = nullptr;
  // Types and shapes of the outputs, one entry each, after check().
  Result<OutputTypes> (*infer)(const NodeView&) = nullptr;
  // Of outputs, once they have types: quantization above all. Null: nothing to demand.
  Result<void> (*check_outputs)(const NodeView&) = nullptr;
  // Multiply-accumulates, or element operations where the op has none; asks for known shapes. Null: as many as the
  // first output has elements.
  std::int64_t (*operations)(const NodeView&) = nullptr;
  bool counts_as_macs = false;
  bool has_state = false;  // reads or writes variables: neither folded nor removed
};

[[nodiscard]] std::span<const OpSchema> schemas();
// Null: the op has no row.
[[nodiscard]] const OpSchema* find_schema(Op op);
[[nodiscard]] const OpSchema& schema_of(Op op);  // asserts that there is a row
[[nodiscard]] std::optional<Op> op_named(std::string_view name);

template <typename A>
[[nodiscard]] bool holds(const Attributes& attributes) {
  return std::holds_alternative<A>(attributes);
}

}  // namespace lichen::graph
