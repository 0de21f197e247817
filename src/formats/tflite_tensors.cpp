// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite_tensors.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "formats/tflite_ops.hpp"

namespace lichen::formats {
namespace {

constexpr std::size_t kNameBytesMax = 1024;

class TensorReader {
 public:
  TensorReader(const tflite::Model& model, ByteView file, std::string where)
      : model_(model), file_(file), where_(std::move(where)) {}

  Result<graph::Tensor> read(const tflite::Tensor& from) const {
    graph::Tensor to;
    to.spec.name = printable(from.name());
    if (from.type() == tflite::TensorType_RESOURCE) {
      to.spec.shape = tensor::Shape::unknown();
      return to;
    }
    const bool halves = from.type() == tflite::TensorType_INT4;
    const auto dtype = halves ? tensor::DType::kI8 : read_type(from.type());
    if (!dtype) return bad(fmt::format("element type {}", static_cast<int>(from.type())), Code::kUnsupported);
    to.spec.dtype = *dtype;
    if (from.sparsity() != nullptr) return bad("a sparse tensor", Code::kUnsupported);
    if (from.external_buffer() != 0) return bad("data in another file", Code::kUnsupported);
    std::vector<std::int64_t> dims;
    if (from.shape() != nullptr) dims.assign(from.shape()->begin(), from.shape()->end());
    to.spec.shape = LICHEN_TRY(tensor::Shape::make(dims, where_));
    if (from.quantization() != nullptr) to.quantization = LICHEN_TRY(read_quantization(*from.quantization()));
    if (dims.size() == 1) to.quantization.axis = 0;  // old converters gave a bias the axis of its weights
    to.constant = LICHEN_TRY(read_data(from.buffer(), to.spec, halves));
    if (halves && !to.constant) return bad("element type 17 (INT4) of what is not constant", Code::kUnsupported);
    return to;
  }

 private:
  std::unexpected<Error> bad(std::string why, Code code = Code::kBadInput) const {
    return fail(code, "cannot load model", where_, std::move(why));
  }

  Result<tensor::Quantization> read_quantization(const tflite::QuantizationParameters& from) const {
    tensor::Quantization to;
    if (from.scale() == nullptr || from.scale()->size() == 0) return to;  // only min and max: a hint, no quantization
    if (from.details_type() != 0) return bad("a custom quantization", Code::kUnsupported);
    to.scales.assign(from.scale()->begin(), from.scale()->end());
    const std::size_t zero_points = from.zero_point() == nullptr ? 0 : from.zero_point()->size();
    if (zero_points != 0 && zero_points != to.scales.size())
      return bad(fmt::format("{} scales but {} zero points", to.scales.size(), zero_points));
    to.zero_points.assign(to.scales.size(), 0);
    for (flatbuffers::uoffset_t i = 0; i < zero_points; ++i) {
      std::int64_t zero_point = 0;  // the verifier aligns a vector's length, which is not enough for 8-byte elements
      std::memcpy(&zero_point, from.zero_point()->Data() + i * sizeof zero_point, sizeof zero_point);
      if (zero_point < INT32_MIN || zero_point > INT32_MAX) return bad(fmt::format("zero point {}", zero_point));
      to.zero_points[i] = static_cast<std::int32_t>(zero_point);
    }
    if (from.quantized_dimension() < 0) return bad(fmt::format("quantized dimension {}", from.quantized_dimension()));
    to.axis = static_cast<std::size_t>(from.quantized_dimension());
    return to;
  }

  // The bytes of a buffer, in the flatbuffer or behind it; empty where it has none.
  Result<ByteView> bytes_of(std::uint32_t index) const {
    const std::size_t count = model_.buffers() == nullptr ? 0 : model_.buffers()->size();
    if (index == 0 && count == 0) return ByteView{};
    if (index >= count) return bad(fmt::format("buffer {} of {}", index, count));
    const tflite::Buffer* buffer = model_.buffers()->Get(index);
    if (buffer->offset() > 1) {  // 0 and 1 mean: none
      if (buffer->offset() > file_.size() || buffer->size() > file_.size() - buffer->offset()) {
        return bad(fmt::format("buffer {} is at byte {}, {} bytes long, outside of the file of {} bytes", index,
                               buffer->offset(), buffer->size(), file_.size()));
      }
      return file_.subspan(buffer->offset(), buffer->size());
    }
    if (buffer->data() == nullptr || buffer->data()->size() == 0) return ByteView{};
    return std::as_bytes(std::span(buffer->data()->data(), buffer->data()->size()));
  }

  Result<std::optional<tensor::Data>> read_data(std::uint32_t index, const tensor::TensorSpec& spec,
                                                bool halves) const {
    const ByteView bytes = LICHEN_TRY(bytes_of(index));
    if (bytes.empty()) return std::nullopt;
    const std::ptrdiff_t at = bytes.data() - file_.data();
    const std::size_t wanted = halves ? (spec.bytes() + 1) / 2 : spec.bytes();
    if (bytes.size() != wanted) {
      return bad(fmt::format("buffer {} at byte {} has {} bytes, but {} of {} need {}", index, at, bytes.size(),
                             spec.shape.to_text(), halves ? "i4" : name_of(spec.dtype), wanted));
    }
    if (halves) return widened(bytes, spec.bytes());
    if (static_cast<std::size_t>(at) % size_of(spec.dtype) != 0) return tensor::Data::own({bytes.begin(), bytes.end()});
    return tensor::Data::borrow(bytes);
  }

  // Two 4-bit numbers a byte, the lower half first, become bytes.
  static tensor::Data widened(ByteView from, std::size_t count) {
    Bytes to(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto nibble = (std::to_integer<unsigned>(from[i / 2]) >> (i % 2 * 4)) & 0xFU;
      to[i] = static_cast<std::byte>(nibble < 8 ? nibble : nibble | 0xF0U);
    }
    return tensor::Data::own(std::move(to));
  }

  const tflite::Model& model_;
  ByteView file_;
  std::string where_;
};

}  // namespace

std::string printable(const flatbuffers::String* text) {
  if (text == nullptr) return {};
  std::string name = text->str().substr(0, kNameBytesMax);
  std::ranges::replace_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return name;
}

bool has_free_dimension(const tflite::Tensor& from) {
  if (from.shape_signature() == nullptr) return false;
  return std::ranges::any_of(*from.shape_signature(), [](std::int32_t d) { return d < 0; });
}

Result<graph::Tensor> read_tflite_tensor(const tflite::Model& model, ByteView file, const tflite::Tensor& from,
                                         std::size_t at, std::string_view name) {
  return TensorReader(model, file, fmt::format("{}, tensor {} '{}'", name, at, printable(from.name()))).read(from);
}

}  // namespace lichen::formats
