// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime as a backend: its library is loaded when it is asked for, by the few entries of its C interface that are
// needed (ort_api.h). Computes on its CPU provider with all its optimizations.
#pragma once

#include <memory>
#include <string>

#include "backends/backend.hpp"

namespace lichen::backends::onnxruntime {

[[nodiscard]] Result<std::string> version(const Host& host);
[[nodiscard]] Result<std::unique_ptr<Runner>> load(const ModelSource& source, const LoadOptions& options,
                                                   const Host& host);

}  // namespace lichen::backends::onnxruntime
