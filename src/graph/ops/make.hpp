// SPDX-License-Identifier: Apache-2.0
// The sizes of tensors that are made from numbers.
#pragma once

#include <optional>

#include "graph/ops/schema.hpp"

namespace lichen::graph {

// How many elements a Range has; nullopt: not known yet.
[[nodiscard]] Result<std::optional<std::int64_t>> range_count(const NodeView& node);

// The dimensions that a Shape tells, as a piece of its input's.
struct ShapePiece {
  std::size_t first = 0;
  std::size_t count = 0;
};
[[nodiscard]] ShapePiece shape_piece(const NodeView& node);

}  // namespace lichen::graph
