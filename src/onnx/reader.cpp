// SPDX-License-Identifier: Apache-2.0
// Order of checks: the bytes as protobuf fields (wire.hpp), the messages (the library, with limits; lean.hpp), that every operator
// is one of ours, then names, tensors and nodes one by one, then the graph as a whole (graph::infer_types).
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <map>
#include <set>

#include "onnx/importer.hpp"
#include "onnx/lean.hpp"
#include "onnx/names.hpp"
#include "onnx/onnx.hpp"
#include "onnx/outline.hpp"
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

Result<graph::Outline> outline_onnx(ByteView file, std::string_view name) {
  ::onnx::ModelProto model;
  const std::string file_name(name);
  LICHEN_TRY(check(file, OnnxMessage::kModel, file_name));
  const LeanModel lean = without_weights(file);
  LICHEN_TRY(parse(lean.message.empty() ? file : ByteView(lean.message), file_name, model));
  std::map<std::string, std::int64_t> opsets;
  for (const auto& import : model.opset_import()) opsets[domain_of(import.domain())] = import.version();
  std::set<std::pair<std::string, std::string>> functions;
  for (const auto& function : model.functions()) functions.emplace(domain_of(function.domain()), function.name());
  graph::Outline lines;
  for (const auto& node : model.graph().node()) {
    if (lines.size() == graph::kOutlineLinesMax) break;
    const std::string domain = domain_of(node.domain());
    const auto opset = opsets.find(domain);
    const bool known = functions.contains({domain, node.op_type()}) ||
                       (opset != opsets.end() && find_onnx_op(domain, node.op_type(), opset->second) != nullptr);
    const std::string& called = node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name();
    lines.push_back({op_text(node), clean_name(called), known});
  }
  return lines;
}

Result<tensor::Tensor> read_onnx_tensor(ByteView file, std::string_view name) {
  ::onnx::TensorProto message;
  const std::string file_name(name);
  LICHEN_TRY(check(file, OnnxMessage::kTensor, file_name));
  LICHEN_TRY(parse(file, file_name, message));
  return tensor_of(message, file_name);
}

}  // namespace lichen::formats
