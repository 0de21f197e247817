// SPDX-License-Identifier: Apache-2.0
// A Graph as ONNX messages, opset 18 where that has all that it needs. Internal to this folder; the door is write_onnx() in onnx.hpp.
//
// Values are written as they are stored: a tensor with a scale is integers, dequantized where a node reads it and
// quantized after the node that gives it (QDQ). Images are computed as [n, c, h, w]: a tensor that is wanted in that
// order again is not transposed twice, and what nobody reads in the end is left out.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "graph/graph.hpp"
#include "graph/ops/schema.hpp"
#include "onnx/proto.hpp"

namespace lichen::formats {


struct OnnxAttribute {
  std::string_view name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>> value;
};
using OnnxAttributes = std::vector<OnnxAttribute>;
using TensorNames = std::vector<std::string>;  // "" is an input that is not there

// One graph while it is written, and the node that it is at. The first error sticks, as in Call.
class GraphWriter {
 public:
  GraphWriter(const graph::Graph& graph, ::onnx::GraphProto& to, std::string prefix)
      : graph_(graph), to_(to), prefix_(std::move(prefix)) {}

  // `inputs`: the names under which a branch knows its inputs; null for the model's graph.
  [[nodiscard]] Result<void> write(const TensorNames* inputs);

  // The node.
  [[nodiscard]] graph::NodeView view() const { return {graph_, *node_}; }
  template <typename A>
  [[nodiscard]] const A& attributes() const {
    return std::get<A>(node_->attributes);
  }
  [[nodiscard]] const graph::Graph& graph() const { return graph_; }
  [[nodiscard]] const graph::Node& node() const { return *node_; }
  [[nodiscard]] bool has(std::size_t i) const { return view().has_input(i); }
  [[nodiscard]] const graph::Tensor& input(std::size_t i) const { return view().input(i); }
  [[nodiscard]] const graph::Tensor& output(std::size_t i = 0) const { return view().output(i); }
  [[nodiscard]] std::size_t outputs() const { return node_->outputs.size(); }
  [[nodiscard]] std::int64_t rank(std::size_t i = 0);  // refuses the node where it is not known

  // Its inputs as values to compute with; "" where there is none.
  [[nodiscard]] std::string in(std::size_t i);
  [[nodiscard]] std::string stored(std::size_t i);       // as they are stored
  [[nodiscard]] std::string as_int64(std::size_t i);     // integers that are parameters
  [[nodiscard]] std::string channels_first(std::size_t i);  // [n, h, w, c] as [n, c, h, w]
  [[nodiscard]] bool is_channels_first(std::size_t i) const;  // at no cost
  // Weights with their axes in another order.
  [[nodiscard]] std::string weights(std::size_t i, const std::vector<std::int32_t>& permutation);

  // New nodes and constants; the name of what they give.
  std::string add(std::string_view op, const TensorNames& inputs, const OnnxAttributes& attributes = {});
  TensorNames add_many(std::string_view op, const TensorNames& inputs, const OnnxAttributes& attributes,
                       std::size_t outputs);
  std::string ints(const std::vector<std::int64_t>& values);
  std::string number(float value);
  std::string transposed(const std::string& x, const std::vector<std::int64_t>& permutation);
  std::string activated(const std::string& x, graph::Activation activation);

  // Its outputs: `value` becomes output i, quantized where that is so.
  void put(std::string value, std::size_t i = 0);
  void put_stored(std::string value, std::size_t i = 0);  // already as it is stored
  void put_channels_first(const std::string& value, graph::Activation activation);

  // A subgraph as attribute of the node of name `node_output`.
  void add_branch(::onnx::NodeProto& node, const char* attribute, std::int32_t subgraph, const TensorNames& inputs);
  [[nodiscard]] ::onnx::NodeProto& last() { return *to_.mutable_node(to_.node_size() - 1); }

  void refuse(std::string why);
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  [[nodiscard]] Result<void> check() const;
  void name_tensors(const TensorNames* inputs);
  void write_info(graph::TensorId id, ::onnx::ValueInfoProto& info) const;
  void write_nodes();
  void drop_unread();
  [[nodiscard]] std::string fresh();
  std::string raw_constant(tensor::DType dtype, std::span<const std::int64_t> dims, ByteView bytes);
  [[nodiscard]] std::string value_of(graph::TensorId id);
  [[nodiscard]] std::string reals_of(const graph::Tensor& tensor);
  [[nodiscard]] std::string name_of_tensor(graph::TensorId id);
  std::string dequantized(const std::string& x, const tensor::Quantization& q, tensor::DType dtype, std::int64_t axis);
  std::string quantized(const std::string& x, const tensor::Quantization& q, tensor::DType dtype);
  TensorNames parameters(const tensor::Quantization& q, tensor::DType dtype);
  void rename(const std::string& from, const std::string& to);

  const graph::Graph& graph_;
  ::onnx::GraphProto& to_;
  std::string prefix_;  // of new names: those of branches differ from those around them
  std::vector<std::string> names_;  // of each tensor
  std::set<std::string> taken_;
  std::set<graph::TensorId> written_constants_;
  std::map<graph::TensorId, std::string> values_;          // dequantized
  std::map<graph::TensorId, std::string> channels_first_;  // as [n, c, h, w]
  std::set<std::string> read_;
  const graph::Node* node_ = nullptr;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
  bool failed_ = false;
  std::vector<std::string> refused_;
};

struct OnnxWriteRow {
  graph::Op op;
  void (*write)(GraphWriter&);
  std::string_view name = {};  // of the ONNX operator, for rows that share a function
};
[[nodiscard]] std::span<const OnnxWriteRow> written_elements();
[[nodiscard]] std::span<const OnnxWriteRow> written_movement();
[[nodiscard]] std::span<const OnnxWriteRow> written_layers();
// Null: ONNX has nothing for it.
[[nodiscard]] const OnnxWriteRow* find_write_row(graph::Op op);

}  // namespace lichen::formats
