// SPDX-License-Identifier: Apache-2.0
// Pad: elements added around, by a value or from the tensor itself; negative pads take elements away.
#include "graph/ops/pad.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  LICHEN_TRY(require_parameter(node, 1, 2));
  LICHEN_TRY(require_parameter(node, 3));
  if (!node.has_input(2) || node.attributes<PadAttributes>().mode != PadMode::kConstant) return {};
  const Tensor& value = node.input(2);
  LICHEN_TRY(require_same_type(value, node.input(0)));
  if (value.spec.shape.elements() == 1) return {};
  return bad_tensor(value, "the value to pad with must be one number");
}

// What stays of axis i, and whether the mode can make more of it.
Result<void> check_axis(const NodeView& node, std::size_t i, AxisPads pads) {
  const std::int64_t size = node.input(0).spec.shape[i];
  const auto in_range = [](std::int64_t pad) { return pad >= -tensor::kElementsMax && pad <= tensor::kElementsMax; };
  const bool sane = in_range(pads.before) && in_range(pads.after);
  const std::int64_t kept =
      !sane ? -1 : size + std::min<std::int64_t>(pads.before, 0) + std::min<std::int64_t>(pads.after, 0);
  if (kept < 0) return bad_attribute(fmt::format("pads {} and {} of a size of {}", pads.before, pads.after, size));
  const bool adds = pads.before > 0 || pads.after > 0;
  if (kept == 0 && adds && node.attributes<PadAttributes>().mode != PadMode::kConstant)
    return bad_attribute(fmt::format("axis {} has nothing to pad from", i));
  return {};
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto pads = LICHEN_TRY(pads_of(node));
  if (!pads) return not_yet(node.input(0).spec.dtype);
  const tensor::Shape& in = node.input(0).spec.shape;
  std::array<std::int64_t, tensor::kRankMax> dims{};
  for (std::size_t i = 0; i < in.rank(); ++i) dims[i] = in[i] + (*pads)[i].before + (*pads)[i].after;
  return output_like(node, std::span<const std::int64_t>(dims).first(in.rank()));
}

Result<void> check_outputs(const NodeView& node) {
  if (node.input(0).quantization.per_channel())
    return bad_tensor(node.input(0), "padding of a tensor with scales along an axis", Code::kUnsupported);
  if (node.has_input(2) && node.attributes<PadAttributes>().mode == PadMode::kConstant &&
      !node.input(2).quantization.empty() && node.input(2).quantization != node.input(0).quantization)
    return bad_tensor(node.input(2), "a value on another scale", Code::kUnsupported);
  return check_kept_quantization(node);
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kPad,
             .name = "Pad",
             .inputs_min = 2,
             .inputs_max = 4,
             .inputs_required = 2,
             .attributes_fit = holds<PadAttributes>,
             .check = check,
             .infer = infer,
             .check_outputs = check_outputs},
};

}  // namespace

Result<std::optional<std::vector<AxisPads>>> pads_of(const NodeView& node) {
  using Pads = std::optional<std::vector<AxisPads>>;
  const std::size_t rank = node.input(0).spec.shape.rank();
  const auto values = node.integers(1);
  if (!values || (node.has_input(3) && !node.value(3))) return Pads{};
  std::vector<std::int64_t> listed;
  for (std::size_t i = 0; i < rank; ++i) listed.push_back(static_cast<std::int64_t>(i));
  if (node.has_input(3)) listed = *node.integers(3);
  const std::vector<std::size_t> axes = LICHEN_TRY(axes_of(listed, rank));
  if (values->size() != 2 * axes.size())
    return bad_tensor(node.input(1), fmt::format("{} pads for {} axes", values->size(), axes.size()));
  const bool pairs = node.attributes<PadAttributes>().pairs;
  std::vector<AxisPads> pads(rank);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    pads[axes[i]] =
        pairs ? AxisPads{(*values)[2 * i], (*values)[2 * i + 1]} : AxisPads{(*values)[i], (*values)[i + axes.size()]};
  }
  for (std::size_t i = 0; i < rank; ++i) LICHEN_TRY(check_axis(node, i, pads[i]));
  return Pads{std::move(pads)};
}

std::span<const OpSchema> pad_rows() {
  return kRows;
}

}  // namespace lichen::graph
