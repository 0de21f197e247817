// SPDX-License-Identifier: Apache-2.0
// Dequantize: i8 or u8 -> f32.
#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  if (node.input(0).spec.dtype == tensor::DType::kF32) return bad_tensor(node.input(0), "f32 is not quantized");
  LICHEN_TRY(require_activation_type(node.input(0)));
  return require_dtype(node.output(), tensor::DType::kF32);
}

}  // namespace

OpSchema dequantize_schema() {
  return {Op::kDequantize, "Dequantize", 1, 1, 1, holds<NoAttributes>, check, infer_same, output_elements, false};
}

}  // namespace lichen::graph
