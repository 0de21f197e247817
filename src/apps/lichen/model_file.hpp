// SPDX-License-Identifier: Apache-2.0
// A model file as commands take it: .tflite or .onnx, told by its content.
#pragma once

#include <string>

#include "base/error.hpp"
#include "graph/graph.hpp"
#include "posix/mapped_file.hpp"

namespace lichen::tool {

struct ModelFile {
  posix::MappedFile file;  // the graph borrows its weights from it
  std::string format;      // "tflite", "onnx"
  graph::Graph graph;
};

[[nodiscard]] Result<ModelFile> load_model(const std::string& path);

}  // namespace lichen::tool
