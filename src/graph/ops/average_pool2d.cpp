// SPDX-License-Identifier: Apache-2.0
// AveragePool2D: input [n, h, w, c] -> [n, oh, ow, c]. Positions outside of the image take no part. Integer types keep
// their quantization.
#include "graph/ops/checks.hpp"
#include "graph/ops/pool.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {

OpSchema average_pool2d_schema() {
  return {Op::kAveragePool2D, "AveragePool2D", 1,    1, 1, holds<Pool2DAttributes>, check_pool,
          infer_pool,         pool_operations, false};
}

}  // namespace lichen::graph
