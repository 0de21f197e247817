// SPDX-License-Identifier: Apache-2.0
// Relu: max(x,0) of every element.
#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {

OpSchema relu_schema() {
  return {Op::kRelu, "Relu", 1, 1, 1, holds<NoAttributes>, check_unary, infer_same, output_elements, false};
}

}  // namespace lichen::graph
