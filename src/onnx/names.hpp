// SPDX-License-Identifier: Apache-2.0
// What operators are called. Internal to this folder.
#pragma once

#include <string>

#include "onnx/proto.hpp"

namespace lichen::formats {

// The standard domain has two names; here it is the empty one.
[[nodiscard]] std::string domain_of(const std::string& domain);
// "Conv", "com.microsoft.Gelu", printable.
[[nodiscard]] std::string op_text(const ::onnx::NodeProto& node);

}  // namespace lichen::formats
