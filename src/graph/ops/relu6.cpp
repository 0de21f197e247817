// SPDX-License-Identifier: Apache-2.0
// Relu6: min(max(x,0),6) of every element.
#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {

OpSchema relu6_schema() {
  return {Op::kRelu6, "Relu6", 1, 1, 1, holds<NoAttributes>, check_unary, infer_same, output_elements, false};
}

}  // namespace lichen::graph
