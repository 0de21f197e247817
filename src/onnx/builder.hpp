// SPDX-License-Identifier: Apache-2.0
// A Graph while it is made from ONNX: names to tensors, nodes whose types are inferred as they are added, and the tensors
// that a subgraph takes from the graphs around it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "graph/graph.hpp"
#include "onnx/proto.hpp"

namespace lichen::formats {

using Ids = std::vector<graph::TensorId>;
using Dims = std::vector<std::int64_t>;

// What is known of a tensor whose shape is not: from the file's value_info, or from the node that gives it.
struct Hint {
  std::optional<std::size_t> rank;
  std::optional<tensor::DType> dtype;
  std::optional<tensor::Shape> shape{};  // of what a branch takes from around it
};

class Builder {
 public:
  // `outer`: the graph around a subgraph, whose tensors it may take; null for the model's graph.
  Builder(std::string graph_name, Builder* outer) : outer_(outer) { graph_.name = std::move(graph_name); }

  [[nodiscard]] graph::Graph& graph() { return graph_; }
  [[nodiscard]] const graph::Tensor& tensor(graph::TensorId id) const { return graph_.tensor(id); }

  // Names. An initializer becomes a tensor when it is first asked for.
  [[nodiscard]] Result<void> define(const std::string& name, graph::TensorId id);
  [[nodiscard]] Result<void> define_pending(const std::string& name, ::onnx::TensorProto* initializer, ByteView raw);
  [[nodiscard]] bool defines(const std::string& name) const { return names_.contains(name); }
  // kNoTensor: no such name here or around.
  [[nodiscard]] Result<graph::TensorId> lookup(const std::string& name);

  // The names of a function's body are its own: puts others in, gives back those that were.
  struct Name {
    graph::TensorId id = graph::kNoTensor;
    ::onnx::TensorProto* pending = nullptr;
    ByteView raw;  // of a pending one: its data, where the message does not have it
  };
  using Names = std::map<std::string, Name>;
  [[nodiscard]] Names enter_function(Names names);
  void leave_function(Names names);

  // Tensors of the outer graph that became inputs of this one, in the order of graph().inputs.
  [[nodiscard]] const Ids& captures() const { return captures_; }
  // Makes graph().inputs the inner tensors of `wanted` outer ones, with an unused tensor where this graph takes none.
  void arrange_captures(const Ids& wanted);

  // Adds a node; its outputs are new tensors (kNoTensor where `wanted` is false) with types where they can be inferred.
  [[nodiscard]] Result<Ids> emit(graph::Op op, graph::Attributes attributes, Ids inputs, const std::string& name,
                                 const std::vector<bool>& wanted);

  graph::TensorId add_constant(const std::string& name, tensor::DType dtype, const tensor::Shape& shape,
                               tensor::Data data);

  // f16 (onnx/half.hpp). The f32 tensor behind an f16 one: what that was narrowed from, a constant of the same values, or
  // a Cast; always the same.
  [[nodiscard]] Result<graph::TensorId> widened(graph::TensorId half);
  [[nodiscard]] Result<graph::TensorId> narrowed(graph::TensorId wide);
  [[nodiscard]] bool is_narrowed(graph::TensorId id) const { return narrowed_.contains(id); }

  // Null: not known.
  [[nodiscard]] const tensor::Shape* shape_of(graph::TensorId id) const;
  [[nodiscard]] std::optional<std::size_t> rank_of(graph::TensorId id) const;
  [[nodiscard]] std::optional<tensor::DType> dtype_of(graph::TensorId id) const;
  void hint(graph::TensorId id, const Hint& hint);
  void name_hint(const std::string& name, const Hint& hint) { name_hints_[name] = hint; }

  // Takes out constants that nothing reads, and f16 forms of what is read in f32 only.
  void drop_unused();

 private:
  [[nodiscard]] graph::TensorId capture(graph::TensorId outer);
  [[nodiscard]] Result<void> infer_last();
  void hint_last();
  void drop_unread_casts();

  graph::Graph graph_;
  Builder* outer_;
  Names names_;
  std::size_t functions_ = 0;  // how many functions deep: their bodies take nothing from outside
  std::map<graph::TensorId, graph::TensorId> captured_;  // outer to inner
  Ids captures_;
  std::map<graph::TensorId, Hint> hints_;
  std::map<std::string, Hint> name_hints_;
  std::map<graph::TensorId, graph::TensorId> wide_;  // f16 to f32
  std::set<graph::TensorId> narrowed_;
};

// The elements of a dense tensor in another order of axes: output axis i is input axis permutation[i].
[[nodiscard]] Bytes permute(ByteView from, const tensor::Shape& shape, std::size_t element_bytes,
                            const std::vector<std::int32_t>& permutation);

}  // namespace lichen::formats
