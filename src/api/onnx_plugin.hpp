// SPDX-License-Identifier: Apache-2.0
// The ONNX reader as a library of its own, liblichen_onnx.so: it needs protobuf, which programs that read only .tflite
// should not have to carry. liblichen.so loads it with the first .onnx file. Both come from one build: the interface
// between them is C++, so the one refuses the other unless their stamps are the same.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::api {

struct OnnxPlugin {
  std::string stamp;
  Result<graph::Graph> (*read)(ByteView file, std::string_view name);
};

inline constexpr const char* kOnnxPluginFile = "liblichen_onnx.so.0";
inline constexpr const char* kOnnxPluginSymbol = "lichen_onnx_plugin";  // const OnnxPlugin* ()

// Of the code that includes this: version, compiler, and sizes of what crosses the border.
[[nodiscard]] inline std::string onnx_plugin_stamp() {
  return fmt::format("{} {} {} {} {}", LICHEN_VERSION, __VERSION__, sizeof(graph::Graph), sizeof(graph::Node),
                     sizeof(graph::Tensor));
}

}  // namespace lichen::api
