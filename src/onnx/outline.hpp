// SPDX-License-Identifier: Apache-2.0
// What an .onnx file consists of, whether it can be read or not.
#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "graph/outline.hpp"

namespace lichen::formats {

// The nodes of the main graph, in the file's order. A node of a known operator may still be refused for its attributes,
// which read_onnx() tells. kBadInput: not an ONNX file, or damaged.
[[nodiscard]] Result<graph::Outline> outline_onnx(ByteView file, std::string_view name);

}  // namespace lichen::formats
