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

Result<tensor::Shape> infer(const NodeView& node) {
  const auto& a = node.attributes<DepthwiseConv2DAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& weights = node.input(1).spec.shape;
  const Window h = LICHEN_TRY(window_of(in[1], weights[1], a.stride_h, a.dilation_h, a.padding));
  const Window w = LICHEN_TRY(window_of(in[2], weights[2], a.stride_w, a.dilation_w, a.padding));
  const std::int64_t dims[] = {in[0], h.out, w.out, weights[3]};
  return tensor::Shape::make(dims, node.output().spec.name);
}

std::int64_t operations(const NodeView& node) {
  const tensor::Shape& weights = node.input(1).spec.shape;
  return output_elements(node) * weights[1] * weights[2];
}

}  // namespace

OpSchema depthwise_conv2d_schema() {
  return {Op::kDepthwiseConv2D,
          "DepthwiseConv2D",
          2,
          3,
          2,
          holds<DepthwiseConv2DAttributes>,
          check,
          infer,
          operations,
          true};
}

}  // namespace lichen::graph
