// SPDX-License-Identifier: Apache-2.0
// What a .tflite file consists of, whether it can be read or not.
#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "graph/outline.hpp"

namespace lichen::formats {

// The operators of the main subgraph, in order. kBadInput: not a TFLite file, or damaged.
[[nodiscard]] Result<graph::Outline> outline_tflite(ByteView file, std::string_view name);

}  // namespace lichen::formats
