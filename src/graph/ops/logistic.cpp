// SPDX-License-Identifier: Apache-2.0
// Logistic: 1/(1+exp(-x)) of every element.
#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {

OpSchema logistic_schema() {
  return {Op::kLogistic, "Logistic", 1, 1, 1, holds<NoAttributes>, check_unary, infer_same, output_elements, false};
}

}  // namespace lichen::graph
