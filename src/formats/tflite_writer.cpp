// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "formats/tflite.hpp"
#include "formats/tflite_ops.hpp"
#include "graph/verify.hpp"

namespace lichen::formats {
namespace {

using flatbuffers::Offset;

Result<tflite::TensorType> type_of(const tensor::TensorSpec& spec) {
  switch (spec.dtype) {
    case tensor::DType::kF32:
      return tflite::TensorType_FLOAT32;
    case tensor::DType::kF16:
      return tflite::TensorType_FLOAT16;
    case tensor::DType::kI8:
      return tflite::TensorType_INT8;
    case tensor::DType::kU8:
      return tflite::TensorType_UINT8;
    case tensor::DType::kI16:
      return tflite::TensorType_INT16;
    case tensor::DType::kI32:
      return tflite::TensorType_INT32;
    case tensor::DType::kI64:
      return tflite::TensorType_INT64;
    case tensor::DType::kBool:
      return tflite::TensorType_BOOL;
  }
  return fail(Code::kInternal, "cannot write model", spec.name, "unknown element type");
}

class Writer {
 public:
  explicit Writer(const graph::Graph& graph) : graph_(graph) {}

  Result<Bytes> write() {
    LICHEN_TRY(check_size());
    buffers_.push_back(tflite::CreateBuffer(builder_));  // buffer 0 is the empty one, by convention
    std::vector<Offset<tflite::Tensor>> tensors;
    for (const graph::Tensor& tensor : graph_.tensors) tensors.push_back(LICHEN_TRY(write_tensor(tensor)));
    std::vector<Offset<tflite::Operator>> operators;
    for (const graph::Node& node : graph_.nodes) operators.push_back(write_node(node));
    tflite::FinishModelBuffer(builder_, write_model(write_subgraph(tensors, operators)));
    const auto bytes = std::as_bytes(std::span(builder_.GetBufferPointer(), builder_.GetSize()));
    return Bytes(bytes.begin(), bytes.end());
  }

 private:
  // Each part is made in a statement of its own, here and below: the order in which a compiler evaluates arguments
  // would decide about the order of bytes, and GCC's differs between x86-64 and arm64.
  Offset<tflite::SubGraph> write_subgraph(const std::vector<Offset<tflite::Tensor>>& tensors,
                                          const std::vector<Offset<tflite::Operator>>& operators) {
    const auto name = builder_.CreateString("main");
    const auto nodes = builder_.CreateVector(operators);
    const auto outputs = builder_.CreateVector(graph_.outputs);
    const auto inputs = builder_.CreateVector(graph_.inputs);
    return tflite::CreateSubGraph(builder_, builder_.CreateVector(tensors), inputs, outputs, nodes, name);
  }

  Offset<tflite::Model> write_model(Offset<tflite::SubGraph> subgraph) {
    constexpr std::uint32_t kVersion = 3;
    const auto buffers = builder_.CreateVector(buffers_);
    const auto description = builder_.CreateString("Lichen");
    const auto subgraphs = builder_.CreateVector(&subgraph, 1);
    return tflite::CreateModel(builder_, kVersion, builder_.CreateVector(codes_), subgraphs, description, buffers);
  }

  Result<void> check_size() const {
    std::size_t bytes = 0;
    for (const graph::Tensor& tensor : graph_.tensors) bytes += tensor.constant ? tensor.constant->bytes().size() : 0;
    constexpr std::size_t kStructureBytesMax = kTfliteBytesMax / 4;
    if (bytes <= kTfliteBytesMax - kStructureBytesMax) return {};
    return fail(Code::kExhausted, "cannot write model", graph_.name, fmt::format("{} bytes of weights", bytes));
  }

  std::uint32_t write_buffer(const graph::Tensor& tensor) {
    if (!tensor.constant || tensor.constant->bytes().empty()) return 0;
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

  Result<Offset<tflite::Tensor>> write_tensor(const graph::Tensor& tensor) {
    const auto type = LICHEN_TRY(type_of(tensor.spec));
    const std::uint32_t buffer = write_buffer(tensor);
    std::vector<std::int32_t> dims;
    for (const std::int64_t d : tensor.spec.shape.dims()) dims.push_back(static_cast<std::int32_t>(d));
    const auto quantization = write_quantization(tensor.quantization);
    const auto name = builder_.CreateString(tensor.spec.name);
    return tflite::CreateTensor(builder_, builder_.CreateVector(dims), type, buffer, name, quantization);
  }

  // The index of the operator code for this op at the version that its types need.
  std::uint32_t code_index(const graph::Node& node) {
    const TfliteOp& row = tflite_op(node.op);
    const bool integer =
        std::ranges::any_of(node.outputs,
                            [&](graph::TensorId id) { return graph_.tensor(id).spec.dtype != tensor::DType::kF32; }) ||
        graph_.tensor(node.inputs.front()).spec.dtype != tensor::DType::kF32;
    const std::pair wanted{row.code, integer ? row.version_integer : row.version_float};
    const auto at = std::ranges::find(code_keys_, wanted);
    if (at != code_keys_.end()) return static_cast<std::uint32_t>(at - code_keys_.begin());
    code_keys_.push_back(wanted);
    constexpr std::int32_t kByteMax = 127;  // numbers above do not fit the old field, which then says 127
    codes_.push_back(tflite::CreateOperatorCode(builder_, static_cast<std::int8_t>(std::min(row.code, kByteMax)), 0,
                                                wanted.second, row.code));
    return static_cast<std::uint32_t>(codes_.size() - 1);
  }

  Offset<tflite::Operator> write_node(const graph::Node& node) {
    const std::uint32_t code = code_index(node);
    const WrittenOptions options = tflite_op(node.op).write(builder_, node.attributes);
    const auto outputs = builder_.CreateVector(node.outputs);
    return tflite::CreateOperator(builder_, code, builder_.CreateVector(node.inputs), outputs, options.type,
                                  options.table);
  }

  const graph::Graph& graph_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<Offset<tflite::Buffer>> buffers_;
  std::vector<Offset<tflite::OperatorCode>> codes_;
  std::vector<std::pair<std::int32_t, std::int32_t>> code_keys_;
};

}  // namespace

Result<Bytes> write_tflite(const graph::Graph& graph) {
  LICHEN_TRY(graph::verify(graph));
  return Writer(graph).write();
}

}  // namespace lichen::formats
