// SPDX-License-Identifier: Apache-2.0
// Order of checks: the bytes as protobuf fields (wire.hpp), the messages (the library, with limits; lean.hpp), that every operator
// is one of ours, then names, tensors and nodes one by one, then the graph as a whole (graph::infer_types).
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include "onnx/importer.hpp"
#include "onnx/lean.hpp"
#include "onnx/onnx.hpp"
#include "onnx/tensors.hpp"
#include "onnx/wire.hpp"

namespace lichen::formats {
namespace {

constexpr int kNestingMax = 64;

Result<void> check(ByteView file, OnnxMessage root, const std::string& name) {
  if (file.empty()) return fail(Code::kBadInput, "cannot read file", name, "it is empty");
  if (file.size() > kOnnxBytesMax) {
    return fail(Code::kExhausted, "cannot read file", name,
                fmt::format("{} bytes, the limit is {}", file.size(), kOnnxBytesMax));
  }
  return check_wire(file, root, name, kOnnxMessageBytesMax);
}

template <typename Message>
Result<void> parse(ByteView file, const std::string& name, Message& message) {
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(file.data()),
                                                static_cast<int>(file.size()));
  stream.SetRecursionLimit(kNestingMax);
  if (message.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage()) return {};
  return fail(Code::kBadInput, "cannot read file", name, "its fields are not those of an ONNX message",
              "it is damaged, or no ONNX file");
}

}  // namespace

Result<graph::Graph> read_onnx(ByteView file, std::string_view name) {
  ::onnx::ModelProto model;
  const std::string file_name(name);
  LICHEN_TRY(check(file, OnnxMessage::kModel, file_name));
  LeanModel lean = without_weights(file);
  LICHEN_TRY(parse(lean.message.empty() ? file : ByteView(lean.message), file_name, model));
  lean.message = {};  // protobuf has its own copy
  return Importer(model, lean.weights, name).run();
}

Result<tensor::Tensor> read_onnx_tensor(ByteView file, std::string_view name) {
  ::onnx::TensorProto message;
  const std::string file_name(name);
  LICHEN_TRY(check(file, OnnxMessage::kTensor, file_name));
  LICHEN_TRY(parse(file, file_name, message));
  return tensor_of(message, file_name);
}

}  // namespace lichen::formats
