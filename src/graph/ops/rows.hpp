// SPDX-License-Identifier: Apache-2.0
// The rows of the op table, each defined in the file of its op.
#pragma once

#include "graph/ops/schema.hpp"

namespace lichen::graph {

[[nodiscard]] OpSchema add_schema();
[[nodiscard]] OpSchema average_pool2d_schema();
[[nodiscard]] OpSchema conv2d_schema();
[[nodiscard]] OpSchema depthwise_conv2d_schema();
[[nodiscard]] OpSchema dequantize_schema();
[[nodiscard]] OpSchema fully_connected_schema();
[[nodiscard]] OpSchema logistic_schema();
[[nodiscard]] OpSchema max_pool2d_schema();
[[nodiscard]] OpSchema mul_schema();
[[nodiscard]] OpSchema quantize_schema();
[[nodiscard]] OpSchema relu_schema();
[[nodiscard]] OpSchema relu6_schema();
[[nodiscard]] OpSchema reshape_schema();
[[nodiscard]] OpSchema softmax_schema();

}  // namespace lichen::graph
