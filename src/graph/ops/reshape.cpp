// SPDX-License-Identifier: Apache-2.0
// Ops whose output has the same bytes under another shape. Reshape: the new shape is the second input, or an attribute,
// or (where a file gives neither) the shape of the output tensor. Flatten, Squeeze, Unsqueeze, Identity.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check_reshape(const NodeView& node) {
  return require_parameter(node, 1);
}

// Scales along an axis would need to follow it.
Result<void> check_outputs(const NodeView& node) {
  if (node.input(0).quantization.per_channel() && node.input(0).spec.shape != node.output().spec.shape)
    return bad_tensor(node.input(0), "a new shape of a tensor with scales along an axis", Code::kUnsupported);
  return check_kept_quantization(node);
}

// The wanted dimensions, -1 where the elements decide; empty and `said`: a scalar.
struct Wanted {
  bool said = false;
  bool known = true;
  std::vector<std::int64_t> dims;
};
Wanted wanted_of(const NodeView& node) {
  if (node.has_input(1)) {
    auto dims = node.integers(1);
    if (!dims) return {true, false, {}};
    return {true, true, *std::move(dims)};
  }
  const std::vector<std::int32_t>& shape = node.attributes<ReshapeAttributes>().shape;
  return {!shape.empty(), true, {shape.begin(), shape.end()}};
}

Result<OutputTypes> infer_reshape(const NodeView& node) {
  const tensor::DType dtype = node.input(0).spec.dtype;
  const tensor::Shape& in = node.input(0).spec.shape;
  Wanted wanted = wanted_of(node);
  const tensor::Shape& declared = node.output().spec.shape;
  if (!wanted.said && declared.known() && declared.elements() != in.elements())  // nothing else says the shape
    return bad_attribute(fmt::format("{} elements into {}", in.elements(), declared.elements()));
  if (!wanted.said || !wanted.known) {
    if (!declared.known() || declared.elements() != in.elements()) return OutputTypes{{dtype, std::nullopt, false}};
    return output_of(dtype, declared);
  }
  if (wanted.dims.size() > tensor::kRankMax) return bad_attribute(fmt::format("rank {}", wanted.dims.size()));
  std::size_t free = wanted.dims.size();
  std::int64_t known = 1;
  for (std::size_t i = 0; i < wanted.dims.size(); ++i) {
    std::int64_t& d = wanted.dims[i];
    if (d == 0 && node.attributes<ReshapeAttributes>().zero_copies) {
      if (i >= in.rank()) return bad_attribute(fmt::format("dimension {} of rank {} is to be kept", i, in.rank()));
      d = in[i];
    }
    if (d == -1) {
      if (free != wanted.dims.size()) return bad_attribute("two dimensions are -1");
      free = i;
    } else if (d < 0 || (d > 0 && known > tensor::kElementsMax / d)) {
      return bad_attribute(fmt::format("dimension {}", d));
    } else {
      known *= d;
    }
  }
  if (free != wanted.dims.size()) {
    if (known == 0 || in.elements() % known != 0)
      return bad_attribute(fmt::format("{} elements do not fill the shape", in.elements()));
    wanted.dims[free] = in.elements() / known;
    known *= wanted.dims[free];
  }
  if (known != in.elements()) return bad_attribute(fmt::format("{} elements into {}", in.elements(), known));
  return output_like(node, wanted.dims);
}

Result<void> check_flatten(const NodeView& node) {
  const std::int64_t axis = node.attributes<AxisAttributes>().axis;
  const auto rank = static_cast<std::int64_t>(node.input(0).spec.shape.rank());
  if (axis >= -rank && axis <= rank) return {};
  return bad_attribute(fmt::format("axis {} of rank {}", axis, rank));
}

Result<OutputTypes> infer_flatten(const NodeView& node) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::int64_t axis = node.attributes<AxisAttributes>().axis;
  const auto first = static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(in.rank()) : axis);
  std::array<std::int64_t, 2> dims{1, 1};
  for (std::size_t i = 0; i < in.rank(); ++i) {
    std::int64_t& d = dims[i < first ? 0 : 1];
    d = LICHEN_TRY(size_product(d, in[i]));
  }
  return output_like(node, dims);
}

// Axes by the second input or the attribute; nullopt: not known yet.
std::optional<std::vector<std::int64_t>> axes_said(const NodeView& node) {
  if (node.has_input(1)) return node.integers(1);
  const std::vector<std::int32_t>& axes = node.attributes<AxesAttributes>().axes;
  return std::vector<std::int64_t>(axes.begin(), axes.end());
}

Result<OutputTypes> infer_squeeze(const NodeView& node) {
  const auto said = axes_said(node);
  if (!said) return not_yet(node.input(0).spec.dtype);
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::vector<std::size_t> axes = LICHEN_TRY(axes_of(*said, in.rank()));
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < in.rank(); ++i) {
    const bool listed = std::ranges::find(axes, i) != axes.end();
    if (listed && in[i] != 1) return bad_attribute(fmt::format("axis {} of {} is not 1", i, in.to_text()));
    if (!(listed || (axes.empty() && in[i] == 1))) dims.push_back(in[i]);
  }
  return output_like(node, dims);
}

Result<OutputTypes> infer_unsqueeze(const NodeView& node) {
  const auto said = axes_said(node);
  if (!said) return not_yet(node.input(0).spec.dtype);
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::size_t rank = in.rank() + said->size();
  if (rank > tensor::kRankMax) return bad_attribute(fmt::format("rank {}", rank));
  const std::vector<std::size_t> axes = LICHEN_TRY(axes_of(*said, rank));
  std::vector<std::int64_t> dims;
  std::size_t next = 0;
  for (std::size_t i = 0; i < rank; ++i) {
    const bool made = std::ranges::find(axes, i) != axes.end();
    dims.push_back(made ? 1 : in[next]);
    if (!made) ++next;
  }
  return output_like(node, dims);
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kReshape,
             .name = "Reshape",
             .inputs_max = 2,
             .attributes_fit = holds<ReshapeAttributes>,
             .check = check_reshape,
             .infer = infer_reshape,
             .check_outputs = check_outputs},
    OpSchema{.op = Op::kFlatten,
             .name = "Flatten",
             .attributes_fit = holds<AxisAttributes>,
             .check = check_flatten,
             .infer = infer_flatten,
             .check_outputs = check_outputs},
    OpSchema{.op = Op::kIdentity,
             .name = "Identity",
             .attributes_fit = holds<NoAttributes>,
             .infer = infer_same,
             .check_outputs = check_outputs},
    OpSchema{.op = Op::kSqueeze,
             .name = "Squeeze",
             .inputs_max = 2,
             .attributes_fit = holds<AxesAttributes>,
             .check = check_reshape,
             .infer = infer_squeeze,
             .check_outputs = check_outputs},
    OpSchema{.op = Op::kUnsqueeze,
             .name = "Unsqueeze",
             .inputs_max = 2,
             .attributes_fit = holds<AxesAttributes>,
             .check = check_reshape,
             .infer = infer_unsqueeze,
             .check_outputs = check_outputs},
};

}  // namespace

std::span<const OpSchema> reshape_rows() {
  return kRows;
}

}  // namespace lichen::graph
