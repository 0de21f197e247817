// SPDX-License-Identifier: Apache-2.0
// The sizes of a matrix product with broadcast batches (MatMul, MatMulInteger).
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "graph/ops/attributes.hpp"
#include "tensor/spec.hpp"

namespace lichen::graph {

struct MatrixProduct {  // out[rows, columns] = a[rows, depth] * b[depth, columns], for each of the batch
  std::int64_t rows = 1, columns = 1, depth = 1;
  bool transpose_a = false, transpose_b = false;
  std::vector<std::int64_t> batch;             // dimensions before the matrices
  std::vector<std::int64_t> batch_a, batch_b;  // the same of each operand: 1 where it is repeated
  std::vector<std::int64_t> out;               // the result's whole shape
};

// Refuses scalars, depths that differ, batches that do not broadcast.
[[nodiscard]] Result<MatrixProduct> matrix_product(const tensor::Shape& a, const tensor::Shape& b,
                                                   const MatMulAttributes& how);

}  // namespace lichen::graph
