// SPDX-License-Identifier: Apache-2.0
// Softmax over the last dimension: exp(beta * x) / sum(exp(beta * x)).
#include <cmath>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  LICHEN_TRY(check_unary(node));
  LICHEN_TRY(require_not_empty(node.input(0)));
  if (node.input(0).spec.shape.rank() == 0) return bad_tensor(node.input(0), "a scalar has no last dimension");
  const float beta = node.attributes<SoftmaxAttributes>().beta;
  if (!std::isfinite(beta) || beta <= 0.0F) return bad_attribute(fmt::format("beta {}", beta));
  return {};
}

}  // namespace

OpSchema softmax_schema() {
  return {Op::kSoftmax, "Softmax", 1, 1, 1, holds<SoftmaxAttributes>, check, infer_same, output_elements, false};
}

}  // namespace lichen::graph
