// SPDX-License-Identifier: Apache-2.0
// Output sizes and paddings of a transposed convolution, along both axes.
#pragma once

#include <optional>

#include "graph/ops/schema.hpp"
#include "graph/ops/window.hpp"

namespace lichen::graph {

struct TransposeWindows {
  Window h, w;  // pad_before: output rows and columns that are cut off before the first
};

// nullopt: the output's shape is an input that is not known yet.
[[nodiscard]] Result<std::optional<TransposeWindows>> transpose_windows(const NodeView& node);

}  // namespace lichen::graph
