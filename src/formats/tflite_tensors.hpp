// SPDX-License-Identifier: Apache-2.0
// Tensors and buffers of a file whose structure was verified. Internal to this folder.
#pragma once

#include <string>

#include <tflite_schema_generated.h>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::formats {

// A name from the file, printable and short enough for an error line.
[[nodiscard]] std::string printable(const flatbuffers::String* text);

// Does it leave a dimension open?
[[nodiscard]] bool has_free_dimension(const tflite::Tensor& from);

// Tensor `at` of some subgraph, with its data where it is constant. `name`: of the model, for errors. The handle of a
// variable becomes a tensor of unknown shape.
[[nodiscard]] Result<graph::Tensor> read_tflite_tensor(const tflite::Model& model, ByteView file,
                                                       const tflite::Tensor& from, std::size_t at,
                                                       std::string_view name);

}  // namespace lichen::formats
