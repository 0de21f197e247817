// SPDX-License-Identifier: Apache-2.0
// Which elements Slice, StridedSlice and Split take, resolved to plain numbers.
#pragma once

#include <optional>
#include <vector>

#include "graph/ops/schema.hpp"

namespace lichen::graph {

// Elements start, start + step, ... of one axis: `count` of them, all within the axis. step is 1 where count is
// below 2.
struct AxisRange {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

struct SliceRanges {
  std::vector<AxisRange> axes;     // one an axis of input 0
  std::vector<std::int64_t> dims;  // of the output: without axes that shrink, with new ones
};

// Of a Slice or StridedSlice; nullopt: its parameters are not known yet.
[[nodiscard]] Result<std::optional<SliceRanges>> slice_ranges(const NodeView& node);

// The size of each output of a Split along its axis; nullopt: not known yet.
[[nodiscard]] Result<std::optional<std::vector<std::int64_t>>> split_sizes(const NodeView& node);

}  // namespace lichen::graph
