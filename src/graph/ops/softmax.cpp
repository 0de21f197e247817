// SPDX-License-Identifier: Apache-2.0
// Softmax along an axis: exp(beta * x) / sum(exp(beta * x)).
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
  if (!a.flattens) LICHEN_TRY(axis_of(a.axis, node.input(0).spec.shape.rank()));
  const float beta = a.beta;
  if (!std::isfinite(beta) || beta <= 0.0F) return bad_attribute(fmt::format("beta {}", beta));
  return {};
}

constexpr OpSchema kRow{.op = Op::kSoftmax,
                        .name = "Softmax",
                        .attributes_fit = holds<SoftmaxAttributes>,
                        .check = check,
                        .infer = infer_same,
                        .check_outputs = check_activation_output};

}  // namespace

std::span<const OpSchema> softmax_rows() {
  return {&kRow, 1};
}

}  // namespace lichen::graph
