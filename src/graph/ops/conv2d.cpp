// SPDX-License-Identifier: Apache-2.0
// Conv2D: input [n, h, w, in], weights [out, kh, kw, in / groups], bias [out] (optional) -> [n, oh, ow, out]. The number
// of groups follows from the weights' shape. Weights in i8
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
  LICHEN_TRY(require_clamp(node.attributes<Conv2DAttributes>().activation));
  LICHEN_TRY(require_rank(input, 4));
  LICHEN_TRY(require_rank(weights, 4));
  LICHEN_TRY(require_weights(node, 0, weights.spec.shape[0]));
  const std::int64_t in = input.spec.shape[3];
  const std::int64_t groups = in / weights.spec.shape[3];
  if (in % weights.spec.shape[3] != 0 || weights.spec.shape[0] % groups != 0) {
    return bad_tensor(weights, fmt::format("weights {} for {} input channels", weights.spec.shape.to_text(), in));
  }
  return {};
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto& a = node.attributes<Conv2DAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& weights = node.input(1).spec.shape;
  const Window h = LICHEN_TRY(window_of(in[1], rule_h(a, weights[1])));
  const Window w = LICHEN_TRY(window_of(in[2], rule_w(a, weights[2])));
  const std::int64_t dims[] = {in[0], h.out, w.out, weights[0]};
  return output_like(node, dims);
}

std::int64_t operations(const NodeView& node) {
  const tensor::Shape& weights = node.input(1).spec.shape;
  return output_elements(node) * weights[1] * weights[2] * weights[3];
}

constexpr OpSchema kRow{.op = Op::kConv2D,
                        .name = "Conv2D",
                        .inputs_min = 2,
                        .inputs_max = 3,
                        .inputs_required = 2,
                        .attributes_fit = holds<Conv2DAttributes>,
                        .check = check,
                        .infer = infer,
                        .check_outputs = check_activation_output,
                        .operations = operations,
                        .counts_as_macs = true};

}  // namespace

std::span<const OpSchema> conv2d_rows() {
  return {&kRow, 1};
}

}  // namespace lichen::graph
