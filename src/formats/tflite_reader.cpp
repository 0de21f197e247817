// SPDX-License-Identifier: Apache-2.0
// Order of checks: the flatbuffer's own structure (FlatBuffers' verifier, with limits), then that every operator is one
// of ours, then tensors and nodes one by one, then the graph as a whole (graph::verify).
#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "formats/tflite.hpp"
#include "formats/tflite_ops.hpp"
#include "graph/verify.hpp"

namespace lichen::formats {
namespace {

constexpr flatbuffers::uoffset_t kDepthMax = 32;
constexpr flatbuffers::uoffset_t kTablesMax = 1'000'000;
constexpr std::size_t kUnsupportedNamesMax = 64;
constexpr std::size_t kNameBytesMax = 1024;
constexpr std::size_t kNodeTensorsMax = 1024;

// A name from the file, printable and short enough for an error line.
std::string clean(const flatbuffers::String* text) {
  if (text == nullptr) return {};
  std::string name = text->str().substr(0, kNameBytesMax);
  std::ranges::replace_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return name;
}

class Reader {
 public:
  Reader(ByteView file, std::string_view name) : file_(file), name_(name) {}

  Result<graph::Graph> read() {
    LICHEN_TRY(open());
    LICHEN_TRY(check_operators());
    graph_.name = name_;
    const auto& tensors = *subgraph_->tensors();
    graph_.tensors.reserve(tensors.size());
    for (flatbuffers::uoffset_t i = 0; i < tensors.size(); ++i) LICHEN_TRY(read_tensor(i, tensors.Get(i)));
    graph_.inputs = ids_of(subgraph_->inputs());
    graph_.outputs = ids_of(subgraph_->outputs());
    if (subgraph_->operators() != nullptr) {
      for (flatbuffers::uoffset_t i = 0; i < subgraph_->operators()->size(); ++i) {
        LICHEN_TRY(read_node(i, *subgraph_->operators()->Get(i)));
      }
    }
    LICHEN_TRY(graph::verify(graph_));
    return std::move(graph_);
  }

 private:
  std::unexpected<Error> bad(std::string where, std::string why, Code code = Code::kBadInput) const {
    return fail(code, "cannot load model", where.empty() ? name_ : fmt::format("{}, {}", name_, where), std::move(why));
  }

  Result<void> open() {
    constexpr std::size_t kHeaderBytes = 8;  // root offset, identifier
    if (file_.size() < kHeaderBytes)
      return bad("byte 0", fmt::format("a file of {} bytes is no .tflite model", file_.size()));
    if (file_.size() > kTfliteBytesMax)
      return bad({}, fmt::format("{} bytes, the limit is {}", file_.size(), kTfliteBytesMax), Code::kExhausted);
    if (reinterpret_cast<std::uintptr_t>(file_.data()) % alignof(std::int64_t) != 0) {
      return bad({}, "the file's bytes lie at an address that is not a multiple of 8", Code::kInternal);
    }
    const auto* data = reinterpret_cast<const std::uint8_t*>(file_.data());
    if (!tflite::ModelBufferHasIdentifier(data))
      return bad("byte 4", "the identifier is not TFL3, so it is no .tflite model");
    flatbuffers::Verifier verifier(data, file_.size(), kDepthMax, kTablesMax);
    if (!tflite::VerifyModelBuffer(verifier)) {
      return bad({}, fmt::format("an offset or a length points outside of the file of {} bytes, or nests too deep",
                                 file_.size()));
    }
    model_ = tflite::GetModel(data);
    return open_subgraph();
  }

  Result<void> open_subgraph() {
    constexpr std::uint32_t kVersion = 3;
    if (model_->version() != kVersion)
      return bad("Model.version", fmt::format("{}, only 3 is known", model_->version()), Code::kUnsupported);
    if (model_->subgraphs() == nullptr || model_->subgraphs()->size() == 0)
      return bad("Model.subgraphs", "there are none");
    subgraph_ = model_->subgraphs()->Get(0);
    if (subgraph_ == nullptr || subgraph_->tensors() == nullptr) return bad("SubGraph 0", "it has no tensors");
    return {};
  }

  static std::vector<graph::TensorId> ids_of(const flatbuffers::Vector<std::int32_t>* ids) {
    if (ids == nullptr) return {};
    return {ids->begin(), ids->end()};
  }

  // The operator's number and, for custom ones, its name; or why there is none.
  Result<std::pair<std::int32_t, std::string>> code_of(std::size_t at, const tflite::Operator& op) const {
    const auto* codes = model_->operator_codes();
    const std::size_t count = codes == nullptr ? 0 : codes->size();
    if (op.opcode_index() >= count) {
      return bad(fmt::format("operator {}", at), fmt::format("operator code {} of {}", op.opcode_index(), count));
    }
    const tflite::OperatorCode* code = codes->Get(op.opcode_index());
    // Old files have the number in a byte; new ones have it in both places where it fits.
    const std::int32_t number = std::max<std::int32_t>(code->deprecated_builtin_code(), code->builtin_code());
    if (number == kTfliteCustom) return std::pair{number, fmt::format("custom '{}'", clean(code->custom_code()))};
    return std::pair{number, tflite_op_name(number)};
  }

  // All operators that we cannot run, of all subgraphs, in one error.
  Result<void> check_operators() const {
    std::vector<std::string> unsupported;
    std::size_t total = 0;
    bool custom = false;
    for (flatbuffers::uoffset_t g = 0; g < model_->subgraphs()->size(); ++g) {
      const auto* operators = model_->subgraphs()->Get(g)->operators();
      for (flatbuffers::uoffset_t i = 0; operators != nullptr && i < operators->size(); ++i) {
        const auto [number, name] = LICHEN_TRY(code_of(i, *operators->Get(i)));
        if (tflite_op(number) != nullptr) continue;
        custom = custom || number == kTfliteCustom;
        if (++total <= kUnsupportedNamesMax) unsupported.push_back(fmt::format("operator {} {}", i, name));
      }
    }
    if (total > 0) {
      return fail(
          Code::kUnsupported, "cannot load model", name_,
          fmt::format("{} of its operators are not supported: {}{}", total, fmt::join(unsupported, ", "),
                      total > kUnsupportedNamesMax ? ", ..." : ""),
          custom
              ? "a model compiled for an accelerator (Edge TPU) runs only there: use the one that it was compiled from"
              : "");
    }
    if (model_->subgraphs()->size() > 1) {
      return bad("Model.subgraphs", fmt::format("there are {}, only one is supported", model_->subgraphs()->size()),
                 Code::kUnsupported);
    }
    return {};
  }

  static std::optional<tensor::DType> dtype_of(tflite::TensorType type) {
    switch (type) {
      case tflite::TensorType_FLOAT32:
        return tensor::DType::kF32;
      case tflite::TensorType_FLOAT16:
        return tensor::DType::kF16;
      case tflite::TensorType_INT32:
        return tensor::DType::kI32;
      case tflite::TensorType_UINT8:
        return tensor::DType::kU8;
      case tflite::TensorType_INT64:
        return tensor::DType::kI64;
      case tflite::TensorType_BOOL:
        return tensor::DType::kBool;
      case tflite::TensorType_INT16:
        return tensor::DType::kI16;
      case tflite::TensorType_INT8:
        return tensor::DType::kI8;
    }
    return std::nullopt;
  }

  Result<void> read_tensor(std::size_t at, const tflite::Tensor* from) {
    const std::string where = fmt::format("tensor {} '{}'", at, clean(from->name()));
    graph::Tensor to;
    to.spec.name = clean(from->name());
    const auto dtype = dtype_of(from->type());
    if (!dtype) return bad(where, fmt::format("element type {}", static_cast<int>(from->type())), Code::kUnsupported);
    to.spec.dtype = *dtype;
    if (from->is_variable()) return bad(where, "a variable tensor", Code::kUnsupported);
    if (from->sparsity() != nullptr) return bad(where, "a sparse tensor", Code::kUnsupported);
    std::vector<std::int64_t> dims;
    if (from->shape() != nullptr) dims.assign(from->shape()->begin(), from->shape()->end());
    to.spec.shape = LICHEN_TRY(tensor::Shape::make(dims, fmt::format("{}, {}", name_, where)));
    if (from->quantization() != nullptr) to.quantization = LICHEN_TRY(read_quantization(where, *from->quantization()));
    if (dims.size() == 1) to.quantization.axis = 0;  // old converters gave a bias the axis of its weights
    to.constant = LICHEN_TRY(read_buffer(where, from->buffer(), to.spec));
    graph_.tensors.push_back(std::move(to));
    return {};
  }

  Result<tensor::Quantization> read_quantization(const std::string& where,
                                                 const tflite::QuantizationParameters& from) const {
    tensor::Quantization to;
    if (from.scale() == nullptr || from.scale()->size() == 0) return to;  // only min and max: a hint, no quantization
    if (from.details_type() != 0) return bad(where, "a custom quantization", Code::kUnsupported);
    to.scales.assign(from.scale()->begin(), from.scale()->end());
    const std::size_t zero_points = from.zero_point() == nullptr ? 0 : from.zero_point()->size();
    if (zero_points != 0 && zero_points != to.scales.size()) {
      return bad(where, fmt::format("{} scales but {} zero points", to.scales.size(), zero_points));
    }
    to.zero_points.assign(to.scales.size(), 0);
    for (flatbuffers::uoffset_t i = 0; i < zero_points; ++i) {
      std::int64_t zero_point = 0;  // the verifier aligns a vector's length, which is not enough for 8-byte elements
      std::memcpy(&zero_point, from.zero_point()->Data() + i * sizeof zero_point, sizeof zero_point);
      if (zero_point < INT32_MIN || zero_point > INT32_MAX) return bad(where, fmt::format("zero point {}", zero_point));
      to.zero_points[i] = static_cast<std::int32_t>(zero_point);
    }
    if (from.quantized_dimension() < 0)
      return bad(where, fmt::format("quantized dimension {}", from.quantized_dimension()));
    to.axis = static_cast<std::size_t>(from.quantized_dimension());
    return to;
  }

  // The constant data of a tensor, or nothing where its buffer is the empty one.
  Result<std::optional<tensor::Data>> read_buffer(const std::string& where, std::uint32_t index,
                                                  const tensor::TensorSpec& spec) const {
    const std::size_t count = model_->buffers() == nullptr ? 0 : model_->buffers()->size();
    if (index == 0 && count == 0) return std::nullopt;
    if (index >= count) return bad(where, fmt::format("buffer {} of {}", index, count));
    const tflite::Buffer* buffer = model_->buffers()->Get(index);
    if (buffer->offset() > 1 || buffer->size() > 1)
      return bad(where, "data outside of the flatbuffer", Code::kUnsupported);
    if (buffer->data() == nullptr || buffer->data()->size() == 0) return std::nullopt;
    const ByteView bytes = std::as_bytes(std::span(buffer->data()->data(), buffer->data()->size()));
    const std::ptrdiff_t at = bytes.data() - file_.data();
    if (bytes.size() != spec.bytes()) {
      return bad(where, fmt::format("buffer {} at byte {} has {} bytes, but {} of {} need {}", index, at, bytes.size(),
                                    spec.shape.to_text(), name_of(spec.dtype), spec.bytes()));
    }
    if (static_cast<std::size_t>(at) % size_of(spec.dtype) != 0) {
      return bad(where, fmt::format("buffer {} at byte {} is not aligned for {}", index, at, name_of(spec.dtype)));
    }
    return tensor::Data::borrow(bytes);
  }

  Result<void> read_node(std::size_t at, const tflite::Operator& from) {
    const auto [number, name] = LICHEN_TRY(code_of(at, from));
    const TfliteOp& row = *tflite_op(number);
    graph::Node node{row.op, {}, {}, ids_of(from.inputs()), ids_of(from.outputs())};
    if (node.inputs.size() > kNodeTensorsMax || node.outputs.size() > kNodeTensorsMax) {
      return bad(fmt::format("operator {} {}", at, name), "too many tensors");
    }
    auto attributes = row.read(from);
    if (!attributes) {
      Error error = std::move(attributes).error();
      error.what = "cannot load model";
      error.where = fmt::format("{}, operator {} {}, {}", name_, at, name, error.where);
      return std::unexpected(std::move(error));
    }
    node.attributes = *std::move(attributes);
    if (!node.outputs.empty() && node.outputs[0] >= 0 &&
        static_cast<std::size_t>(node.outputs[0]) < graph_.tensors.size()) {
      node.name = graph_.tensor(node.outputs[0]).spec.name;
    }
    graph_.nodes.push_back(std::move(node));
    return {};
  }

  ByteView file_;
  std::string name_;
  const tflite::Model* model_ = nullptr;
  const tflite::SubGraph* subgraph_ = nullptr;
  graph::Graph graph_;
};

}  // namespace

Result<graph::Graph> read_tflite(ByteView file, std::string_view name) {
  return Reader(file, name).read();
}

}  // namespace lichen::formats
