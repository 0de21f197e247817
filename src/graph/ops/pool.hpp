// SPDX-License-Identifier: Apache-2.0
// What the poolings have in common.
#pragma once

#include "graph/ops/schema.hpp"

namespace lichen::graph {

[[nodiscard]] Result<void> check_pool(const NodeView& node);
[[nodiscard]] Result<tensor::Shape> infer_pool(const NodeView& node);
[[nodiscard]] std::int64_t pool_operations(const NodeView& node);

}  // namespace lichen::graph
