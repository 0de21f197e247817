// SPDX-License-Identifier: Apache-2.0
// DepthwiseConv2D: input [n, h, w, in], weights [1, kh, kw, in * multiplier], bias (optional)
// -> [n, oh, ow, in * multiplier]; output channel c reads input channel c / multiplier.
#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"
#include "graph/ops/window.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  const Tensor& input = node.input(0);
  const Tensor& weights = node.input(1);
  LICHEN_TRY(require_clamp(node.attributes<DepthwiseConv2DAttributes>().activation));
  LICHEN_TRY(require_rank(input, 4));
  LICHEN_TRY(require_rank(weights, 4));
  LICHEN_TRY(require_not_empty(input));
  const std::int64_t multiplier = node.attributes<DepthwiseConv2DAttributes>().depth_multiplier;
  if (multiplier < 1) return bad_attribute(fmt::format("depth multiplier {}", multiplier));
  if (weights.spec.shape[0] != 1 || weights.spec.shape[3] != input.spec.shape[3] * multiplier) {
    return bad_tensor(weights, fmt::format("weights {} for {} channels times {}", weights.spec.shape.to_text(),
                                           input.spec.shape[3], multiplier));
  }
  return require_weights(node, 3, weights.spec.shape[3]);
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto& a = node.attributes<DepthwiseConv2DAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& weights = node.input(1).spec.shape;
  const Window h = LICHEN_TRY(window_of(in[1], rule_h(a, weights[1])));
  const Window w = LICHEN_TRY(window_of(in[2], rule_w(a, weights[2])));
  const std::int64_t dims[] = {in[0], h.out, w.out, weights[3]};
  return output_like(node, dims);
}

std::int64_t operations(const NodeView& node) {
  const tensor::Shape& weights = node.input(1).spec.shape;
  return output_elements(node) * weights[1] * weights[2];
}

constexpr OpSchema kRow{.op = Op::kDepthwiseConv2D,
                        .name = "DepthwiseConv2D",
                        .inputs_min = 2,
                        .inputs_max = 3,
                        .inputs_required = 2,
                        .attributes_fit = holds<DepthwiseConv2DAttributes>,
                        .check = check,
                        .infer = infer,
                        .check_outputs = check_activation_output,
                        .operations = operations,
                        .counts_as_macs = true};

}  // namespace

std::span<const OpSchema> depthwise_conv2d_rows() {
  return {&kRow, 1};
}

}  // namespace lichen::graph
