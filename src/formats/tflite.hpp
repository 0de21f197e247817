// SPDX-License-Identifier: Apache-2.0
// TensorFlow Lite model files (.tflite, schema version 3) to and from graphs. Reading is the border to hostile input:
// whatever the bytes are, the answer is a verified graph or an error that says which table, tensor or operator is
// wrong.
#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::formats {

inline constexpr std::size_t kTfliteBytesMax = std::size_t{1} << 30;

// The graph borrows its weights from `file`, which must outlive it. `name` is for errors and becomes Graph::name.
// kBadInput: not a TFLite file, or damaged. kUnsupported: sound, but with operators or types that Lichen does not run;
// all operators of that kind are named at once.
[[nodiscard]] Result<graph::Graph> read_tflite(ByteView file, std::string_view name);

// A file that TensorFlow Lite reads. Asks for a verified graph. Deterministic: the same graph gives the same bytes.
[[nodiscard]] Result<Bytes> write_tflite(const graph::Graph& graph);

}  // namespace lichen::formats
