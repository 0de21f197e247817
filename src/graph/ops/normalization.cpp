// SPDX-License-Identifier: Apache-2.0
// Normalizations. All of f32, and L2Norm of i8 and u8 too; parameters are f32, one a channel unless said otherwise.
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

Result<void> require_positive(float value, std::string_view what) {
  if (std::isfinite(value) && value >= 0.0F) return {};
  return bad_attribute(fmt::format("{} {}", what, value));
}

// Input 0 is f32 and has the axis, whose place is returned.
Result<std::size_t> require_axis(const NodeView& node, std::int32_t axis) {
  LICHEN_TRY(require_dtype(node.input(0), DType::kF32));
  LICHEN_TRY(require_not_empty(node.input(0)));
  return axis_of(axis, node.input(0).spec.shape.rank());
}

Result<void> require_channels(const Tensor& parameter, std::int64_t channels) {
  LICHEN_TRY(require_dtype(parameter, DType::kF32));
  if (parameter.spec.shape.elements() == channels) return {};
  return bad_tensor(parameter, fmt::format("shape {} for {} channels", parameter.spec.shape.to_text(), channels));
}

Result<void> check_per_channel(const NodeView& node) {
  const auto& a = node.attributes<NormAttributes>();
  const std::size_t axis = LICHEN_TRY(require_axis(node, a.axis));
  LICHEN_TRY(require_positive(a.epsilon, "epsilon"));
  for (std::size_t i = 1; i < node.input_count(); ++i)
    LICHEN_TRY(require_channels(node.input(i), node.input(0).spec.shape[axis]));
  return {};
}

// These take their means over everything but the first axis and the channels.
Result<void> check_instance(const NodeView& node) {
  const std::size_t axis = LICHEN_TRY(require_axis(node, node.attributes<NormAttributes>().axis));
  if (axis == 0) return bad_attribute("channels along axis 0, which counts the images");
  return check_per_channel(node);
}

Result<void> check_group(const NodeView& node) {
  const auto& a = node.attributes<NormAttributes>();
  const std::size_t axis = LICHEN_TRY(require_axis(node, a.axis));
  LICHEN_TRY(require_positive(a.epsilon, "epsilon"));
  if (axis == 0) return bad_attribute("channels along axis 0, which counts the images");
  const std::int64_t channels = node.input(0).spec.shape[axis];
  if (a.groups < 1 || channels % a.groups != 0)
    return bad_attribute(fmt::format("{} groups of {} channels", a.groups, channels));
  for (std::size_t i = 1; i < 3; ++i) {  // one a channel, or one a group (ONNX before opset 21)
    if (node.input(i).spec.shape.elements() != a.groups) LICHEN_TRY(require_channels(node.input(i), channels));
    LICHEN_TRY(require_dtype(node.input(i), DType::kF32));
  }
  return {};
}

// A parameter that is broadcast to the dimensions which are normalized over: their last ones, or one value.
Result<void> require_tail(const Tensor& parameter, const tensor::Shape& x, std::size_t axis) {
  LICHEN_TRY(require_dtype(parameter, DType::kF32));
  const tensor::Shape& shape = parameter.spec.shape;
  std::size_t first = 0;
  while (first < shape.rank() && shape[first] == 1) ++first;
  const std::size_t rank = shape.rank() - first;
  bool fits = rank <= x.rank() - axis;
  for (std::size_t i = 0; fits && i < rank; ++i) fits = shape[shape.rank() - 1 - i] == x[x.rank() - 1 - i];
  if (fits) return {};
  return bad_tensor(parameter, fmt::format("shape {} beside {}", shape.to_text(), x.to_text()), Code::kUnsupported);
}

Result<void> check_tail(const NodeView& node) {
  const auto& a = node.attributes<NormAttributes>();
  const std::size_t axis = LICHEN_TRY(require_axis(node, a.axis));
  LICHEN_TRY(require_positive(a.epsilon, "epsilon"));
  for (std::size_t i = 1; i < node.input_count(); ++i) {
    if (node.has_input(i)) LICHEN_TRY(require_tail(node.input(i), node.input(0).spec.shape, axis));
  }
  return {};
}

// y, and the mean and inverse deviation of each row, where the normalized dimensions become 1.
Result<OutputTypes> infer_layer(const NodeView& node) {
  const tensor::Shape& x = node.input(0).spec.shape;
  const std::size_t axis = LICHEN_TRY(axis_of(node.attributes<NormAttributes>().axis, x.rank()));
  std::array<std::int64_t, tensor::kRankMax> dims{};
  for (std::size_t i = 0; i < x.rank(); ++i) dims[i] = i < axis ? x[i] : 1;
  const OutputType row{DType::kF32, tensor::Shape(std::span(dims).first(x.rank())), false};
  return OutputTypes{{DType::kF32, x, false}, row, row};
}

Result<void> check_l2(const NodeView& node) {
  LICHEN_TRY(require_activation_type(node.input(0)));
  LICHEN_TRY(require_not_empty(node.input(0)));
  LICHEN_TRY(require_positive(node.attributes<NormAttributes>().epsilon, "epsilon"));
  LICHEN_TRY(axis_of(node.attributes<NormAttributes>().axis, node.input(0).spec.shape.rank()));
  return {};
}

// The integer form gives steps of 1/128 around the middle of its type.
Result<void> check_l2_outputs(const NodeView& node) {
  LICHEN_TRY(check_activation_output(node));
  const Tensor& y = node.output();
  if (y.spec.dtype == DType::kF32) return {};
  const std::int32_t middle = y.spec.dtype == DType::kU8 ? 128 : 0;
  if (y.quantization.scale() == 1.0F / 128.0F && y.quantization.zero_point() == middle) return {};
  return bad_tensor(y, "an integer L2Norm whose output has not the scale 1/128", Code::kUnsupported);
}

Result<void> check_lp(const NodeView& node) {
  const auto& a = node.attributes<NormAttributes>();
  LICHEN_TRY(require_axis(node, a.axis));
  if (a.p != 1 && a.p != 2) return bad_attribute(fmt::format("norm of order {}", a.p));
  return {};
}

Result<void> check_local_response(const NodeView& node) {
  const auto& a = node.attributes<LocalResponseNormAttributes>();
  LICHEN_TRY(require_axis(node, a.axis));
  if (a.before < 0 || a.after < 0) return bad_attribute(fmt::format("a window of -{} to {}", a.before, a.after));
  return {};
}

Result<void> check_hardmax(const NodeView& node) {
  LICHEN_TRY(require_axis(node, node.attributes<AxisAttributes>().axis));
  return {};
}

constexpr OpSchema row(Op op, std::string_view name, std::size_t inputs, Result<void> (*check)(const NodeView&)) {
  return {.op = op,
          .name = name,
          .inputs_min = inputs,
          .inputs_max = inputs,
          .inputs_required = inputs,
          .attributes_fit = holds<NormAttributes>,
          .check = check,
          .infer = infer_same};
}

constexpr std::array kRows = {
    row(Op::kBatchNorm, "BatchNorm", 5, check_per_channel),
    row(Op::kGroupNorm, "GroupNorm", 3, check_group),
    row(Op::kInstanceNorm, "InstanceNorm", 3, check_instance),
    row(Op::kLpNorm, "LpNorm", 1, check_lp),
    row(Op::kRmsNorm, "RmsNorm", 2, check_tail),
    OpSchema{.op = Op::kL2Norm,
             .name = "L2Norm",
             .attributes_fit = holds<NormAttributes>,
             .check = check_l2,
             .infer = infer_same,
             .check_outputs = check_l2_outputs},
    OpSchema{.op = Op::kLayerNorm,
             .name = "LayerNorm",
             .inputs_min = 2,
             .inputs_max = 3,
             .inputs_required = 2,
             .outputs_max = 3,
             .attributes_fit = holds<NormAttributes>,
             .check = check_tail,
             .infer = infer_layer},
    OpSchema{.op = Op::kLocalResponseNorm,
             .name = "LocalResponseNorm",
             .attributes_fit = holds<LocalResponseNormAttributes>,
             .check = check_local_response,
             .infer = infer_same},
    OpSchema{.op = Op::kHardmax,
             .name = "Hardmax",
             .attributes_fit = holds<AxisAttributes>,
             .check = check_hardmax,
             .infer = infer_same},
};

}  // namespace

std::span<const OpSchema> normalization_rows() {
  return kRows;
}

}  // namespace lichen::graph
