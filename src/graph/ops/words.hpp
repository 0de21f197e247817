// SPDX-License-Identifier: Apache-2.0
// Activations of 16 bits, which TFLite keeps around 0.
#pragma once

#include "graph/ops/schema.hpp"

namespace lichen::graph {

// i16 with one scale for the whole tensor and zero point 0.
[[nodiscard]] Result<void> require_words(const Tensor& tensor);
// That, or what require_activation_type() takes.
[[nodiscard]] Result<void> require_activation_or_words(const Tensor& tensor);

}  // namespace lichen::graph
