// SPDX-License-Identifier: Apache-2.0
// Softmax along an axis: exp(beta * x) / sum(exp(beta * x)); LogSoftmax: its logarithm.
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"
#include "graph/ops/words.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  const bool words = node.node().op == Op::kSoftmax;
  LICHEN_TRY(words ? require_activation_or_words(node.input(0)) : check_unary(node));
  LICHEN_TRY(require_not_empty(node.input(0)));
  const auto& a = node.attributes<SoftmaxAttributes>();
  const std::size_t rank = node.input(0).spec.shape.rank();
  if (!a.flattens || a.axis != static_cast<std::int32_t>(rank)) LICHEN_TRY(axis_of(a.axis, rank));
  const float beta = a.beta;
  if (!std::isfinite(beta) || beta <= 0.0F) return bad_attribute(fmt::format("beta {}", beta));
  return {};
}

// Bytes may become 16 bits, as the output is declared.
Result<OutputTypes> infer(const NodeView& node) {
  const Tensor& in = node.input(0);
  const bool widens = node.node().op == Op::kSoftmax && is_quantized(in) && is_quantized(node.output()) &&
                      node.output().spec.dtype == tensor::DType::kI16;
  return widens ? output_of(tensor::DType::kI16, in.spec.shape) : infer_same(node);
}

// 16 bits of bytes need not lie around 0: these have only to have a scale.
Result<void> check_outputs(const NodeView& node) {
  const bool widens = node.input(0).spec.dtype != tensor::DType::kI16 && node.output().spec.dtype == tensor::DType::kI16;
  return widens ? require_kind(node.output(), kQuantized16) : check_activation_output(node);
}

constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .attributes_fit = holds<SoftmaxAttributes>,
          .check = check,
          .infer = infer,
          .check_outputs = check_outputs};
}

constexpr std::array kRows = {row(Op::kLogSoftmax, "LogSoftmax"), row(Op::kSoftmax, "Softmax")};

}  // namespace

std::span<const OpSchema> softmax_rows() {
  return kRows;
}

}  // namespace lichen::graph
