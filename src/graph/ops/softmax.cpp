// SPDX-License-Identifier: Apache-2.0
// Softmax along an axis: exp(beta * x) / sum(exp(beta * x)); LogSoftmax: its logarithm.
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  LICHEN_TRY(check_unary(node));
  LICHEN_TRY(require_not_empty(node.input(0)));
  const auto& a = node.attributes<SoftmaxAttributes>();
  const std::size_t rank = node.input(0).spec.shape.rank();
  if (!a.flattens || a.axis != static_cast<std::int32_t>(rank)) LICHEN_TRY(axis_of(a.axis, rank));
  const float beta = a.beta;
  if (!std::isfinite(beta) || beta <= 0.0F) return bad_attribute(fmt::format("beta {}", beta));
  return {};
}

constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .attributes_fit = holds<SoftmaxAttributes>,
          .check = check,
          .infer = infer_same,
          .check_outputs = check_activation_output};
}

constexpr std::array kRows = {row(Op::kLogSoftmax, "LogSoftmax"), row(Op::kSoftmax, "Softmax")};

}  // namespace

std::span<const OpSchema> softmax_rows() {
  return kRows;
}

}  // namespace lichen::graph
