// SPDX-License-Identifier: Apache-2.0
// Parts of a tensor: Slice as ONNX defines it (or TFLite, by sizes), StridedSlice as TensorFlow does, Split.
#include "graph/ops/slice.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using Ranges = Result<std::optional<SliceRanges>>;

std::int64_t from_end(std::int64_t at, std::int64_t size) {
  return at < 0 ? at + size : at;
}

// From begin (within the axis, or one before or behind it) up to end, which does not belong.
AxisRange range_of(std::int64_t begin, std::int64_t end, std::int64_t step) {
  const std::int64_t interval = end - begin;
  if (interval == 0 || (interval < 0) != (step < 0)) return {0, 1, 0};
  const std::int64_t count = interval / step + (interval % step != 0 ? 1 : 0);
  return {begin, count < 2 ? 1 : step, count};
}

Result<void> check_slice(const NodeView& node) {
  for (std::size_t i = 1; i < node.input_count(); ++i) LICHEN_TRY(require_parameter(node, i));
  for (std::size_t i = 2; i < node.input_count(); ++i) {
    if (!node.has_input(i) || node.input(i).spec.shape.elements() == node.input(1).spec.shape.elements()) continue;
    return bad_tensor(node.input(i), fmt::format("{} beside {} of '{}'", node.input(i).spec.shape.to_text(),
                                                 node.input(1).spec.shape.to_text(), node.input(1).spec.name));
  }
  return {};
}

// Ends beyond the axis are brought to it.
Result<AxisRange> range_by_end(std::int64_t size, std::int64_t start, std::int64_t end, std::int64_t step) {
  if (step == 0) return bad_attribute("step 0");
  if (size == 0) return AxisRange{0, 1, 0};
  start = from_end(start, size);
  end = from_end(end, size);
  if (step > 0) return range_of(std::clamp<std::int64_t>(start, 0, size), std::clamp<std::int64_t>(end, 0, size), step);
  return range_of(std::clamp<std::int64_t>(start, 0, size - 1), std::clamp<std::int64_t>(end, -1, size - 1), step);
}

Result<AxisRange> range_by_size(std::int64_t size, std::int64_t start, std::int64_t count) {
  if (start >= 0 && start <= size && count == -1) return AxisRange{start, 1, size - start};
  if (start < 0 || count < 0 || start > size || count > size - start)
    return bad_attribute(fmt::format("{} elements from {} of {}", count, start, size));
  return AxisRange{start, 1, count};
}

Ranges ranges_of_slice(const NodeView& node) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const auto starts = node.integers(1);
  const auto ends = node.integers(2);
  const bool known = starts && ends && (!node.has_input(3) || node.value(3)) && (!node.has_input(4) || node.value(4));
  if (!known) return std::optional<SliceRanges>{};
  std::vector<std::int64_t> listed(starts->size());
  std::iota(listed.begin(), listed.end(), 0);
  if (node.has_input(3)) listed = *node.integers(3);
  const std::vector<std::size_t> axes = LICHEN_TRY(axes_of(listed, in.rank()));
  const std::vector<std::int64_t> steps =
      node.has_input(4) ? *node.integers(4) : std::vector<std::int64_t>(starts->size(), 1);
  SliceRanges ranges;
  for (const std::int64_t d : in.dims()) ranges.axes.push_back({0, 1, d});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t size = in[axes[i]];
    ranges.axes[axes[i]] = node.attributes<SliceAttributes>().sizes
                               ? LICHEN_TRY(range_by_size(size, (*starts)[i], (*ends)[i]))
                               : LICHEN_TRY(range_by_end(size, (*starts)[i], (*ends)[i], steps[i]));
  }
  for (const AxisRange& range : ranges.axes) ranges.dims.push_back(range.count);
  return std::optional(std::move(ranges));
}

bool bit(std::int32_t mask, std::size_t i) {
  return ((static_cast<std::uint32_t>(mask) >> i) & 1U) != 0;
}

constexpr std::size_t kEntriesMax = 32;  // as many as the masks have bits

Result<void> check_strided(const NodeView& node) {
  LICHEN_TRY(check_slice(node));
  const std::int64_t entries = node.input(1).spec.shape.elements();
  if (entries <= static_cast<std::int64_t>(kEntriesMax)) return {};
  return bad_tensor(node.input(1), fmt::format("{} entries", entries));
}

// Entry i of a StridedSlice on an axis.
Result<AxisRange> range_of_entry(const StridedSliceAttributes& a, std::size_t i, std::int64_t size, std::int64_t begin,
                                 std::int64_t end, std::int64_t step) {
  if (step == 0) return bad_attribute("stride 0");
  if (bit(a.shrink_axis_mask, i)) {
    const std::int64_t at = from_end(begin, size);
    if (step < 0 || at < 0 || at >= size) return bad_attribute(fmt::format("index {} of {}", begin, size));
    return AxisRange{at, 1, 1};
  }
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? size : size - 1;
  const std::int64_t first =
      bit(a.begin_mask, i) ? (step > 0 ? low : high) : std::clamp(from_end(begin, size), low, high);
  std::int64_t last = step > 0 ? high : low;
  if (!bit(a.end_mask, i)) {
    const std::int64_t far = std::clamp(end, -4 * tensor::kElementsMax, 4 * tensor::kElementsMax);
    last = std::clamp(a.offset ? first + far : from_end(end, size), low, high);
  }
  return range_of(first, last, step);
}

// The entries of begin, end and strides, one after the other, against the axes of the input.
class EntryWalk {
 public:
  EntryWalk(const NodeView& node, std::size_t entries)
      : in_(node.input(0).spec.shape), a_(node.attributes<StridedSliceAttributes>()), entries_(entries) {}

  Ranges run(std::span<const std::int64_t> begin, std::span<const std::int64_t> end,
             std::span<const std::int64_t> strides) {
    std::size_t on_axes = 0;  // entries that stand for an axis
    for (std::size_t i = 0; i < entries_; ++i) on_axes += is_on_axis(i) ? 1 : 0;
    if (on_axes > in_.rank()) return bad_attribute(fmt::format("{} entries for {}", on_axes, in_.to_text()));
    bool rest_taken = false;
    for (std::size_t i = 0; i < entries_; ++i) {
      if (bit(a_.ellipsis_mask, i)) {
        if (rest_taken) return bad_attribute("two ellipses");
        rest_taken = true;
        take_whole(in_.rank() - on_axes);
      } else if (bit(a_.new_axis_mask, i)) {
        ranges_.dims.push_back(1);
      } else {
        const std::int64_t size = in_[ranges_.axes.size()];
        ranges_.axes.push_back(LICHEN_TRY(range_of_entry(a_, i, size, begin[i], end[i], strides[i])));
        if (!bit(a_.shrink_axis_mask, i)) ranges_.dims.push_back(ranges_.axes.back().count);
      }
    }
    take_whole(in_.rank() - ranges_.axes.size());
    return std::optional(std::move(ranges_));
  }

 private:
  [[nodiscard]] bool is_on_axis(std::size_t i) const { return !bit(a_.ellipsis_mask, i) && !bit(a_.new_axis_mask, i); }
  void take_whole(std::size_t axes) {
    for (; axes > 0; --axes) {
      const std::int64_t size = in_[ranges_.axes.size()];
      ranges_.axes.push_back({0, 1, size});
      ranges_.dims.push_back(size);
    }
  }

  const tensor::Shape& in_;
  const StridedSliceAttributes& a_;
  std::size_t entries_;
  SliceRanges ranges_;
};

Ranges ranges_of_strided(const NodeView& node) {
  const auto begin = node.integers(1);
  const auto end = node.integers(2);
  if (!begin || !end || (node.has_input(3) && !node.value(3))) return std::optional<SliceRanges>{};
  const std::vector<std::int64_t> strides =
      node.has_input(3) ? *node.integers(3) : std::vector<std::int64_t>(begin->size(), 1);
  return EntryWalk(node, begin->size()).run(*begin, *end, strides);
}

Result<OutputTypes> infer_slice(const NodeView& node) {
  const auto ranges = LICHEN_TRY(slice_ranges(node));
  if (!ranges) return not_yet(node.input(0).spec.dtype);
  return output_like(node, ranges->dims);
}

Result<void> check_outputs(const NodeView& node) {
  if (node.input(0).quantization.per_channel())
    return bad_tensor(node.input(0), "a part of a tensor with scales along an axis", Code::kUnsupported);
  return check_kept_quantization(node);
}

Result<void> check_split(const NodeView& node) {
  LICHEN_TRY(axis_of(node.attributes<SplitAttributes>().axis, node.input(0).spec.shape.rank()));
  LICHEN_TRY(require_parameter(node, 1));
  if (!node.has_input(1) || node.input(1).spec.shape.elements() == static_cast<std::int64_t>(node.output_count()))
    return {};
  return bad_tensor(node.input(1),
                    fmt::format("{} sizes for {} outputs", node.input(1).spec.shape.elements(), node.output_count()));
}

Result<OutputTypes> infer_split(const NodeView& node) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::size_t axis = LICHEN_TRY(axis_of(node.attributes<SplitAttributes>().axis, in.rank()));
  const auto sizes = LICHEN_TRY(split_sizes(node));
  if (!sizes) return OutputTypes(node.output_count(), {node.input(0).spec.dtype, std::nullopt, false});
  OutputTypes types;
  for (const std::int64_t size : *sizes) {
    std::vector<std::int64_t> dims(in.dims().begin(), in.dims().end());
    dims[axis] = size;
    types.push_back({node.input(0).spec.dtype, tensor::Shape(dims), false});
  }
  return types;
}

std::int64_t split_operations(const NodeView& node) {
  return node.input(0).spec.shape.elements();
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kSlice,
             .name = "Slice",
             .inputs_min = 3,
             .inputs_max = 5,
             .inputs_required = 3,
             .attributes_fit = holds<SliceAttributes>,
             .check = check_slice,
             .infer = infer_slice,
             .check_outputs = check_outputs},
    OpSchema{.op = Op::kStridedSlice,
             .name = "StridedSlice",
             .inputs_min = 3,
             .inputs_max = 4,
             .inputs_required = 3,
             .attributes_fit = holds<StridedSliceAttributes>,
             .check = check_strided,
             .infer = infer_slice,
             .check_outputs = check_outputs},
    OpSchema{.op = Op::kSplit,
             .name = "Split",
             .inputs_max = 2,
             .outputs_max = kMovementPortsMax,
             .attributes_fit = holds<SplitAttributes>,
             .check = check_split,
             .infer = infer_split,
             .check_outputs = check_outputs,
             .operations = split_operations},
};

}  // namespace

Ranges slice_ranges(const NodeView& node) {
  return node.node().op == Op::kSlice ? ranges_of_slice(node) : ranges_of_strided(node);
}

Result<std::optional<std::vector<std::int64_t>>> split_sizes(const NodeView& node) {
  const auto& a = node.attributes<SplitAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::int64_t size = in[LICHEN_TRY(axis_of(a.axis, in.rank()))];
  const auto parts = static_cast<std::int64_t>(node.output_count());
  std::vector<std::int64_t> sizes(node.output_count(), (size + parts - 1) / parts);
  if (node.has_input(1)) {
    auto said = node.integers(1);
    if (!said) return std::optional<std::vector<std::int64_t>>{};
    sizes = *std::move(said);
  } else if (a.last_smaller) {
    sizes.back() = size - (parts - 1) * sizes.front();
  }
  std::int64_t sum = 0;
  const auto rest = std::ranges::find(sizes, -1);
  for (const std::int64_t part : sizes) {
    const bool fits = part == -1 || (part >= 0 && part <= size - sum);
    if (!fits)
      return bad_attribute(fmt::format("a size of {} is split into parts of {}", size, fmt::join(sizes, ", ")));
    sum += part == -1 ? 0 : part;
  }
  if (rest != sizes.end() && node.has_input(1)) *rest = size - sum, sum = size;
  if (sum != size || std::ranges::find(sizes, -1) != sizes.end())
    return bad_attribute(fmt::format("a size of {} is split into parts of {}", size, fmt::join(sizes, ", ")));
  return std::optional(std::move(sizes));
}

std::span<const OpSchema> slice_rows() {
  return kRows;
}

}  // namespace lichen::graph
