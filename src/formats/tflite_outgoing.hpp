// SPDX-License-Identifier: Apache-2.0
// One node of a graph on its way into a file: what the rows of the op table see of the writer. Internal to this folder.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "formats/tflite_ops.hpp"
#include "graph/ops/schema.hpp"

namespace lichen::formats {

// An operator as the file will have it.
struct WrittenOperator {
  std::int32_t code = 0;
  std::int32_t version = 1;
  std::string custom_code;
  std::vector<graph::TensorId> inputs;
  std::vector<graph::TensorId> outputs;
  TfliteOptions options;
  std::vector<std::uint8_t> custom_options;
  std::vector<graph::TensorId> intermediates;  // tensors without values, for their scales
};

struct LoweredFile;

// A graph (or a body of If) in TFLite's operators. Tensors beyond those of `graph` were added on the way.
struct Lowered {
  const graph::Graph* graph = nullptr;
  LoweredFile* file = nullptr;
  std::vector<graph::Tensor> tensors;
  std::vector<graph::TensorId> inputs;
  std::vector<graph::TensorId> outputs;
  std::set<graph::TensorId> state_tensors;  // those which TFLite keeps from run to run
  std::set<graph::TensorId> resources;      // handles of variables
  std::vector<WrittenOperator> operators;
  std::vector<std::string> variable_names;  // unique
  std::vector<graph::TensorId> handles;     // of each variable, kNoTensor where it has none yet
};

struct LoweredFile {
  const graph::Graph* root = nullptr;
  std::vector<std::unique_ptr<Lowered>> graphs;  // the main one first
};

class Outgoing {
 public:
  Outgoing(Lowered& to, std::size_t at);

  [[nodiscard]] const graph::NodeView& node() const { return view_; }
  [[nodiscard]] Lowered& to() { return to_; }
  [[nodiscard]] graph::TensorId input(std::size_t i) const;  // kNoTensor where there is none
  [[nodiscard]] graph::TensorId output(std::size_t i = 0) const;
  [[nodiscard]] const graph::Tensor& tensor(graph::TensorId id) const {
    return to_.tensors[static_cast<std::size_t>(id)];
  }
  // The shape of output i, or why it is not known.
  Result<tensor::Shape> output_shape(std::size_t i = 0) const;

  // Why this node cannot be written.
  [[nodiscard]] std::unexpected<Error> cannot(std::string why) const;

  // Input i as i32: a constant, or a cast of it.
  graph::TensorId narrowed(std::size_t i);
  Result<std::vector<std::int64_t>> integers(std::size_t i, std::string_view what) const;
  Result<std::vector<float>> floats(std::size_t i, std::string_view what) const;

  graph::TensorId constant(tensor::Shape shape, std::span<const std::int32_t> values);
  graph::TensorId constant(std::span<const std::int64_t> values);  // a list, as i32
  // Input i where it is that list in i32 already, else a new constant.
  graph::TensorId list_of(std::size_t i, std::span<const std::int64_t> values);
  graph::TensorId constant(std::int32_t value) { return constant(tensor::Shape{}, std::span(&value, 1)); }
  graph::TensorId constant(float value);
  graph::TensorId constant(tensor::Shape shape, std::span<const float> values);
  graph::TensorId temporary(tensor::DType dtype, tensor::Shape shape, tensor::Quantization quantization = {});
  graph::TensorId temporary(graph::TensorId like) {
    return temporary(tensor(like).spec.dtype, tensor(like).spec.shape, tensor(like).quantization);
  }

  void emit(std::int32_t code, std::vector<graph::TensorId> inputs, std::vector<graph::TensorId> outputs,
            TfliteOptions options = {}, std::int32_t version_float = 1, std::int32_t version_integer = 1);
  // The node as its row has it, by the tensors given.
  void emit_row(std::vector<graph::TensorId> inputs, std::vector<graph::TensorId> outputs, TfliteOptions options = {});

  // One operator into a new tensor like its first input, or into `out`.
  graph::TensorId apply(std::int32_t code, std::vector<graph::TensorId> inputs);
  void apply_to(std::int32_t code, std::vector<graph::TensorId> inputs, graph::TensorId out);
  void reshape(graph::TensorId from, graph::TensorId to, const tensor::Shape& shape);

 private:
  std::string made_name();

  Lowered& to_;
  graph::NodeView view_;
  std::size_t at_;
  std::size_t made_ = 0;
};

// All nodes, or the first error, which names its node. The answer refers to `graph`.
[[nodiscard]] Result<LoweredFile> lower_to_tflite(const graph::Graph& graph);
// The body of an If as a subgraph of the file: its index.
[[nodiscard]] Result<std::int32_t> lower_body(LoweredFile& file, const graph::Graph& body);
// The handle of a variable in this subgraph: VAR_HANDLE at its first use.
[[nodiscard]] graph::TensorId variable_handle(Lowered& to, std::size_t variable);

template <typename T>
[[nodiscard]] TfliteOptions options_with(T table) {
  TfliteOptions options;
  options.Set(std::move(table));
  return options;
}

}  // namespace lichen::formats
