// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "formats/tflite.hpp"
#include "formats/tflite_outgoing.hpp"
#include "graph/verify.hpp"

namespace lichen::formats {
namespace {

using flatbuffers::Offset;

class Writer {
 public:
  explicit Writer(const graph::Graph& graph) : graph_(graph) {}

  Result<Bytes> write() {
    const LoweredFile file = LICHEN_TRY(lower_to_tflite(graph_));
    LICHEN_TRY(check_size(file));
    buffers_.push_back(tflite::CreateBuffer(builder_));  // buffer 0 is the empty one, by convention
    std::vector<Offset<tflite::SubGraph>> subgraphs;
    for (const auto& lowered : file.graphs) subgraphs.push_back(write_subgraph(*lowered, subgraphs.empty()));
    tflite::FinishModelBuffer(builder_, write_model(subgraphs));
    const auto bytes = std::as_bytes(std::span(builder_.GetBufferPointer(), builder_.GetSize()));
    return Bytes(bytes.begin(), bytes.end());
  }

 private:
  // Each part is made in a statement of its own, here and below: the order in which a compiler evaluates arguments
  // would decide about the order of bytes, and GCC's differs between x86-64 and arm64.
  Offset<tflite::SubGraph> write_subgraph(const Lowered& from, bool is_main) {
    std::vector<Offset<tflite::Tensor>> tensors;
    for (std::size_t i = 0; i < from.tensors.size(); ++i)
      tensors.push_back(write_tensor(from, static_cast<graph::TensorId>(i), is_main));
    std::vector<Offset<tflite::Operator>> operators;
    for (const WrittenOperator& op : from.operators) operators.push_back(write_operator(op));
    const auto name = builder_.CreateString(is_main ? "main" : "body");
    const auto nodes = builder_.CreateVector(operators);
    const auto outputs = builder_.CreateVector(from.outputs);
    const auto inputs = builder_.CreateVector(from.inputs);
    return tflite::CreateSubGraph(builder_, builder_.CreateVector(tensors), inputs, outputs, nodes, name);
  }

  Offset<tflite::Model> write_model(const std::vector<Offset<tflite::SubGraph>>& graphs) {
    constexpr std::uint32_t kVersion = 3;
    const auto buffers = builder_.CreateVector(buffers_);
    const auto description = builder_.CreateString("Lichen");
    const auto subgraphs = builder_.CreateVector(graphs);
    return tflite::CreateModel(builder_, kVersion, builder_.CreateVector(codes_), subgraphs, description, buffers);
  }

  Result<void> check_size(const LoweredFile& file) const {
    std::size_t bytes = 0;
    for (const auto& lowered : file.graphs) {
      for (const graph::Tensor& tensor : lowered->tensors)
        bytes += tensor.constant ? tensor.constant->size() : 0;
    }
    constexpr std::size_t kStructureBytesMax = kTfliteBytesMax / 4;
    if (bytes <= kTfliteBytesMax - kStructureBytesMax) return {};
    return fail(Code::kExhausted, "cannot write model", graph_.name, fmt::format("{} bytes of weights", bytes));
  }

  std::uint32_t write_buffer(const graph::Tensor& tensor) {
    if (!tensor.constant || tensor.constant->size() == 0) return 0;
    const ByteView bytes = tensor.constant->bytes();
    constexpr std::size_t kAlign = 16;
    builder_.ForceVectorAlignment(bytes.size(), 1, kAlign);
    buffers_.push_back(tflite::CreateBuffer(
        builder_, builder_.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())));
    return static_cast<std::uint32_t>(buffers_.size() - 1);
  }

  Offset<tflite::QuantizationParameters> write_quantization(const tensor::Quantization& quantization) {
    if (quantization.empty()) return 0;
    const auto scales = builder_.CreateVector(quantization.scales);
    const auto zero_points = builder_.CreateVector(
        std::vector<std::int64_t>(quantization.zero_points.begin(), quantization.zero_points.end()));
    tflite::QuantizationParametersBuilder builder(builder_);
    builder.add_scale(scales);
    builder.add_zero_point(zero_points);
    builder.add_quantized_dimension(static_cast<std::int32_t>(quantization.axis));
    return builder.Finish();
  }

  // Sizes of an input that the graph leaves open, as -1; empty where it leaves none open.
  std::vector<std::int32_t> signature_of(const Lowered& from, graph::TensorId id,
                                         const std::vector<std::int32_t>& dims) const {
    std::vector<std::int32_t> signature;
    for (const graph::FreeDimension& free : graph_.free_dimensions) {
      if (from.inputs[free.input] != id) continue;
      if (signature.empty()) signature = dims;
      signature[free.axis] = -1;
    }
    return signature;
  }

  Offset<tflite::Tensor> write_tensor(const Lowered& from, graph::TensorId id, bool is_main) {
    const graph::Tensor& tensor = from.tensors[static_cast<std::size_t>(id)];
    const bool resource = from.resources.contains(id);
    const std::uint32_t buffer = write_buffer(tensor);
    std::vector<std::int32_t> dims;
    if (tensor.spec.shape.known()) {
      for (const std::int64_t d : tensor.spec.shape.dims()) dims.push_back(static_cast<std::int32_t>(d));
    }
    const auto quantization = write_quantization(tensor.quantization);
    const auto name = builder_.CreateString(tensor.spec.name);
    const std::vector<std::int32_t> signature = is_main ? signature_of(from, id, dims) : std::vector<std::int32_t>{};
    const auto signature_at = signature.empty() ? 0 : builder_.CreateVector(signature);
    const bool scalar = tensor.spec.shape.known() && tensor.spec.shape.rank() == 0 && !resource;
    return tflite::CreateTensor(builder_, builder_.CreateVector(dims),
                                resource ? tflite::TensorType_RESOURCE : write_type(tensor.spec.dtype), buffer, name,
                                quantization, from.state_tensors.contains(id), 0, signature_at, scalar);
  }

  // The index of this operator code at this version.
  std::uint32_t code_index(const WrittenOperator& op) {
    const std::tuple wanted{op.code, op.version, op.custom_code};
    const auto at = std::ranges::find(code_keys_, wanted);
    if (at != code_keys_.end()) return static_cast<std::uint32_t>(at - code_keys_.begin());
    code_keys_.push_back(wanted);
    constexpr std::int32_t kByteMax = 127;  // numbers above do not fit the old field, which then says 127
    const auto custom = op.custom_code.empty() ? 0 : builder_.CreateString(op.custom_code);
    codes_.push_back(tflite::CreateOperatorCode(builder_, static_cast<std::int8_t>(std::min(op.code, kByteMax)), custom,
                                                op.version, op.code));
    return static_cast<std::uint32_t>(codes_.size() - 1);
  }

  Offset<tflite::Operator> write_operator(const WrittenOperator& op) {
    const std::uint32_t code = code_index(op);
    const auto options = op.options.Pack(builder_);
    const auto custom = op.custom_options.empty() ? 0 : builder_.CreateVector(op.custom_options);
    const auto intermediates = op.intermediates.empty() ? 0 : builder_.CreateVector(op.intermediates);
    const auto outputs = builder_.CreateVector(op.outputs);
    return tflite::CreateOperator(builder_, code, builder_.CreateVector(op.inputs), outputs, op.options.type, options,
                                  custom, intermediates);
  }

  const graph::Graph& graph_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<Offset<tflite::Buffer>> buffers_;
  std::vector<Offset<tflite::OperatorCode>> codes_;
  std::vector<std::tuple<std::int32_t, std::int32_t, std::string>> code_keys_;
};

}  // namespace

Result<Bytes> write_tflite(const graph::Graph& graph) {
  LICHEN_TRY(graph::verify(graph));
  return Writer(graph).write();
}

}  // namespace lichen::formats
