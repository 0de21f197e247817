// SPDX-License-Identifier: Apache-2.0
// Slice, StridedSlice, Split.
#include "graph/ops/slice.hpp"

#include <array>

#include "engine/native/moves.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::reference::Copy;
using kernels::reference::copy_of;
using kernels::reference::CopyAxis;

// The picked elements, dense.
Copy copy_of_ranges(const graph::Tensor& x, std::span<const graph::AxisRange> ranges) {
  const std::vector<Index> in = steps_of(x.spec);
  std::vector<CopyAxis> axes(ranges.size());
  Index offset = 0;
  Index step = element_bytes(x);
  for (std::size_t i = ranges.size(); i-- > 0;) {
    axes[i] = {ranges[i].count, ranges[i].step * in[i], step};
    offset += ranges[i].start * in[i];
    step *= ranges[i].count;
  }
  return copy_of(axes, element_bytes(x), offset, 0);
}

StepResult build_slice(const BuildContext& context) {
  const auto ranges = LICHEN_TRY(graph::slice_ranges(context.node));
  if (!ranges) return not_computed(context);
  const bool strided = context.node.node().op == graph::Op::kStridedSlice;
  return step_of_moves(strided ? "strided_slice copy" : "slice copy",
                       {{copy_of_ranges(context.node.input(0), ranges->axes)}});
}

StepResult build_split(const BuildContext& context) {
  const auto sizes = LICHEN_TRY(graph::split_sizes(context.node));
  if (!sizes) return not_computed(context);
  const graph::Tensor& x = context.node.input(0);
  const std::size_t axis =
      LICHEN_TRY(graph::axis_of(context.node.attributes<graph::SplitAttributes>().axis, x.spec.shape.rank()));
  std::vector<graph::AxisRange> ranges;
  for (const std::int64_t d : x.spec.shape.dims()) ranges.push_back({0, 1, d});
  std::vector<Move> moves;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < sizes->size(); ++i) {
    ranges[axis] = {start, 1, (*sizes)[i]};
    moves.push_back({copy_of_ranges(x, ranges), 0, i});
    start += (*sizes)[i];
  }
  return step_of_moves("split copy", std::move(moves));
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kSlice, build_slice},
    Builder{graph::Op::kStridedSlice, build_slice},
    Builder{graph::Op::kSplit, build_split},
};

}  // namespace

std::span<const Builder> slice_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
