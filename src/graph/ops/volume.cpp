// SPDX-License-Identifier: Apache-2.0
// Convolutions and poolings of volumes, [n, d, h, w, c], in f32.
#include "graph/ops/volume.hpp"

#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {

std::array<WindowRule, 3> volume_rules(const Conv3DAttributes& a, const tensor::Shape& weights) {
  std::array<WindowRule, 3> rules;
  for (std::size_t i = 0; i < 3; ++i)
    rules[i] = {weights[i + 1], a.strides[i], a.dilations[i], a.padding, a.pads_before[i], a.pads_after[i], false};
  return rules;
}

std::array<WindowRule, 3> volume_rules(const Pool3DAttributes& a) {
  std::array<WindowRule, 3> rules;
  for (std::size_t i = 0; i < 3; ++i)
    rules[i] = {a.filter[i], a.strides[i], a.dilations[i], a.padding, a.pads_before[i], a.pads_after[i], a.ceil};
  return rules;
}

namespace {

Result<OutputTypes> infer_volume(const NodeView& node, const std::array<WindowRule, 3>& rules, std::int64_t channels) {
  const tensor::Shape& in = node.input(0).spec.shape;
  std::array<std::int64_t, 5> dims{in[0], 0, 0, 0, channels};
  for (std::size_t i = 0; i < 3; ++i) dims[i + 1] = LICHEN_TRY(window_of(in[i + 1], rules[i])).out;
  return output_like(node, dims);
}

Result<void> check_conv(const NodeView& node) {
  const Tensor& input = node.input(0);
  const Tensor& weights = node.input(1);
  LICHEN_TRY(require_clamp(node.attributes<Conv3DAttributes>().activation));
  LICHEN_TRY(require_rank(input, 5));
  LICHEN_TRY(require_rank(weights, 5));
  LICHEN_TRY(require_dtype(input, tensor::DType::kF32));
  LICHEN_TRY(require_weights(node, 0, weights.spec.shape[0]));
  const std::int64_t in = input.spec.shape[4];
  if (in % weights.spec.shape[4] != 0 || weights.spec.shape[0] % (in / weights.spec.shape[4]) != 0)
    return bad_tensor(weights, fmt::format("weights {} for {} input channels", weights.spec.shape.to_text(), in));
  return {};
}

Result<OutputTypes> infer_conv(const NodeView& node) {
  const tensor::Shape& weights = node.input(1).spec.shape;
  return infer_volume(node, volume_rules(node.attributes<Conv3DAttributes>(), weights), weights[0]);
}

std::int64_t conv_operations(const NodeView& node) {
  const tensor::Shape& weights = node.input(1).spec.shape;
  return output_elements(node) * (weights.elements() / weights[0]);
}

Result<void> check_pool(const NodeView& node) {
  LICHEN_TRY(require_rank(node.input(0), 5));
  LICHEN_TRY(require_not_empty(node.input(0)));
  return require_dtype(node.input(0), tensor::DType::kF32);
}

Result<OutputTypes> infer_pool(const NodeView& node) {
  return infer_volume(node, volume_rules(node.attributes<Pool3DAttributes>()), node.input(0).spec.shape[4]);
}

std::int64_t pool_operations(const NodeView& node) {
  const auto& filter = node.attributes<Pool3DAttributes>().filter;
  return output_elements(node) * filter[0] * filter[1] * filter[2];
}

constexpr OpSchema pool_row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .attributes_fit = holds<Pool3DAttributes>,
          .check = check_pool,
          .infer = infer_pool,
          .operations = pool_operations};
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kConv3D,
             .name = "Conv3D",
             .inputs_min = 2,
             .inputs_max = 3,
             .inputs_required = 2,
             .attributes_fit = holds<Conv3DAttributes>,
             .check = check_conv,
             .infer = infer_conv,
             .operations = conv_operations,
             .counts_as_macs = true},
    pool_row(Op::kAveragePool3D, "AveragePool3D"),
    pool_row(Op::kMaxPool3D, "MaxPool3D"),
};

}  // namespace

std::span<const OpSchema> volume_rows() {
  return kRows;
}

}  // namespace lichen::graph
