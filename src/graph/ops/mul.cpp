// SPDX-License-Identifier: Apache-2.0
// Mul: two inputs, broadcast against each other as NumPy does -> their element-wise result.
#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {

OpSchema mul_schema() {
  return {Op::kMul,        "Mul",           2,    2, 2, holds<ElementwiseAttributes>, check_binary,
          infer_broadcast, output_elements, false};
}

}  // namespace lichen::graph
