// SPDX-License-Identifier: Apache-2.0
// Conv2D: input [n, h, w, in], weights [out, kh, kw, in], bias [out] (optional) -> [n, oh, ow, out]. Weights in i8
// under an input in f32 ("dynamic range", "hybrid") are allowed with one scale for all of them.
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
  if (weights.spec.shape[3] != input.spec.shape[3]) {
    return bad_tensor(
        weights, fmt::format("{} input channels where the input has {}", weights.spec.shape[3], input.spec.shape[3]),
        Code::kUnsupported);
  }
  return require_weights(node, 0, weights.spec.shape[0]);
}

Result<tensor::Shape> infer(const NodeView& node) {
  const auto& a = node.attributes<Conv2DAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& weights = node.input(1).spec.shape;
  const Window h = LICHEN_TRY(window_of(in[1], weights[1], a.stride_h, a.dilation_h, a.padding));
  const Window w = LICHEN_TRY(window_of(in[2], weights[2], a.stride_w, a.dilation_w, a.padding));
  const std::int64_t dims[] = {in[0], h.out, w.out, weights[0]};
  return tensor::Shape::make(dims, node.output().spec.name);
}

std::int64_t operations(const NodeView& node) {
  const tensor::Shape& weights = node.input(1).spec.shape;
  return output_elements(node) * weights[1] * weights[2] * weights[3];
}

}  // namespace

OpSchema conv2d_schema() {
  return {Op::kConv2D, "Conv2D", 2, 3, 2, holds<Conv2DAttributes>, check, infer, operations, true};
}

}  // namespace lichen::graph
