// SPDX-License-Identifier: Apache-2.0
// ONNX model files (.onnx) to and from graphs: opsets 7 to 22 of the standard operators. Later opsets are read as far as
// their operators have only the attributes and inputs that are known here. Reading is the border to hostile input:
// whatever the bytes are, the answer is a verified graph or an error that says which node, tensor or byte is wrong.
//
// ONNX's images are [n, c, h, w], a Graph's are [n, h, w, c]: layers with windows come out between two Transposes, which
// graph rewrites cancel against each other. Graph inputs and outputs keep the shapes that the file gives them.
//
// A room of its own, so that a program that reads only .tflite needs neither protobuf nor Debian's libonnx.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "graph/graph.hpp"
#include "tensor/tensor.hpp"

namespace lichen::formats {

inline constexpr std::size_t kOnnxBytesMax = std::size_t{1} << 30;
// What the messages of a file may take in memory beyond the file's own size; read_onnx() takes at most twice the file,
// this, and the graph's weights again.
inline constexpr std::size_t kOnnxMessageBytesMax = std::size_t{256} << 20;
inline constexpr int kOnnxOpsetMin = 6;
inline constexpr int kOnnxOpsetMax = 28;

// Borrows weights from `file`, which must outlive the graph and what is made of it. `name` is for errors and becomes Graph::name.
// kBadInput: not an ONNX file, or damaged. kUnsupported: sound, but with operators or types that Lichen does not run; all
// operators of that kind are named at once. kExhausted: larger than the limits above.
[[nodiscard]] Result<graph::Graph> read_onnx(ByteView file, std::string_view name);

// A file of opset 18, or 21 where the graph has what came later (Gelu, GroupNorm, 16-bit scales). Asks for a verified graph. Quantized tensors are integers between QuantizeLinear and
// DequantizeLinear, so that integer layers come out as ONNX runtimes round them: within 1 of what a graph of TFLite's
// rounding gives. Deterministic. kUnsupported: ops that ONNX has nothing for (state above all), all named at once.
[[nodiscard]] Result<Bytes> write_onnx(const graph::Graph& graph);

// One tensor in a file of its own (a serialized TensorProto): what ONNX's test data consists of.
[[nodiscard]] Result<tensor::Tensor> read_onnx_tensor(ByteView file, std::string_view name);

// The operators that are read, for documents and reports.
struct OnnxOperator {
  std::string_view domain;  // empty: the standard one
  std::string_view name;
  std::int64_t since = 1;  // the first opset that has it
};
[[nodiscard]] std::vector<OnnxOperator> onnx_operators();

}  // namespace lichen::formats
