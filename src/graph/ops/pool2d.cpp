// SPDX-License-Identifier: Apache-2.0
// Poolings: [n, h, w, c] -> [n, oh, ow, c]. Positions outside of the image take no part, unless counts_padding says so.
// Integer types keep their quantization.
#include <array>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"
#include "graph/ops/window.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  const Tensor& input = node.input(0);
  LICHEN_TRY(require_clamp(node.attributes<Pool2DAttributes>().activation));
  LICHEN_TRY(require_rank(input, 4));
  LICHEN_TRY(require_not_empty(input));
  return check_unary(node);
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto& a = node.attributes<Pool2DAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  WindowRule h = rule_h(a, a.filter_h);
  WindowRule w = rule_w(a, a.filter_w);
  h.ceil = w.ceil = a.ceil;
  const std::int64_t dims[] = {in[0], LICHEN_TRY(window_of(in[1], h)).out, LICHEN_TRY(window_of(in[2], w)).out, in[3]};
  return output_like(node, dims);
}

Result<void> check_outputs(const NodeView& node) {
  LICHEN_TRY(check_activation_output(node));
  const Tensor& input = node.input(0);
  if (input.quantization != node.output().quantization && input.spec.dtype != tensor::DType::kF32) {
    return bad_tensor(node.output(), "a pooling that changes the scale", Code::kUnsupported);
  }
  return {};
}

std::int64_t operations(const NodeView& node) {
  const auto& a = node.attributes<Pool2DAttributes>();
  return output_elements(node) * a.filter_h * a.filter_w;
}

constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .attributes_fit = holds<Pool2DAttributes>,
          .check = check,
          .infer = infer,
          .check_outputs = check_outputs,
          .operations = operations};
}

constexpr std::array kRows = {
    row(Op::kAveragePool2D, "AveragePool2D"),
    row(Op::kMaxPool2D, "MaxPool2D"),
};

}  // namespace

std::span<const OpSchema> pool2d_rows() {
  return kRows;
}

}  // namespace lichen::graph
