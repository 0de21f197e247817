// SPDX-License-Identifier: Apache-2.0
// Poolings: [n, h, w, c] -> [n, oh, ow, c]. Positions outside of the image take no part, unless counts_padding says so.
// Integer types keep their quantization, but for averages that are rounded as ONNX does it.
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"
#include "graph/ops/window.hpp"
#include "graph/ops/words.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  const Tensor& input = node.input(0);
  const auto& a = node.attributes<Pool2DAttributes>();
  LICHEN_TRY(require_clamp(a.activation));
  LICHEN_TRY(require_rank(input, 4));
  LICHEN_TRY(require_not_empty(input));
  const bool integer = input.spec.dtype == tensor::DType::kI8 || input.spec.dtype == tensor::DType::kU8;
  const bool is_max = node.node().op == Op::kMaxPool2D;
  if (is_max && integer && input.quantization.empty() && a.activation == Activation::kNone) return {};
  return require_activation_or_words(input);
}

Result<void> check_lp(const NodeView& node) {
  LICHEN_TRY(require_dtype(node.input(0), tensor::DType::kF32));
  const std::int32_t p = node.attributes<Pool2DAttributes>().p;
  if (p < 1) return bad_attribute(fmt::format("norm of order {}", p));
  return check(node);
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto& a = node.attributes<Pool2DAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  WindowRule h = rule_h(a, a.filter_h);
  WindowRule w = rule_w(a, a.filter_w);
  h.ceil = w.ceil = a.ceil;
  const std::int64_t dims[] = {in[0], LICHEN_TRY(window_of(in[1], h)).out, LICHEN_TRY(window_of(in[2], w)).out, in[3]};
  OutputTypes types = LICHEN_TRY(output_like(node, dims));
  if (node.output_count() > 1) types.push_back({tensor::DType::kI64, types[0].shape, false});
  return types;
}

Result<void> check_outputs(const NodeView& node) {
  if (!node.has_output(0)) return bad_attribute("nobody wants what a pooling gives");
  const Tensor& input = node.input(0);
  if (node.node().op == Op::kAveragePool2D && node.graph().rounding == IntegerRounding::kNearestEven)
    return check_quantized_like_input(node);
  if (input.quantization != node.output().quantization && input.spec.dtype != tensor::DType::kF32) {
    return bad_tensor(node.output(), "a pooling that changes the scale", Code::kUnsupported);
  }
  return {};
}

std::int64_t operations(const NodeView& node) {
  const auto& a = node.attributes<Pool2DAttributes>();
  return output_elements(node) * a.filter_h * a.filter_w;
}

constexpr OpSchema row(Op op, std::string_view name, std::size_t outputs_max, Result<void> (*check)(const NodeView&)) {
  return {.op = op,
          .name = name,
          .outputs_max = outputs_max,
          .attributes_fit = holds<Pool2DAttributes>,
          .check = check,
          .infer = infer,
          .check_outputs = check_outputs,
          .operations = operations};
}

constexpr std::array kRows = {
    row(Op::kAveragePool2D, "AveragePool2D", 1, check),
    row(Op::kLpPool2D, "LpPool2D", 1, check_lp),
    row(Op::kMaxPool2D, "MaxPool2D", 2, check),
};

}  // namespace

std::span<const OpSchema> pool2d_rows() {
  return kRows;
}

}  // namespace lichen::graph
