// SPDX-License-Identifier: Apache-2.0
// Quantize: f32 -> i8 or u8; or i8 / u8 -> i8 / u8 with another scale.
#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  LICHEN_TRY(require_activation_type(node.input(0)));
  if (node.output().spec.dtype == tensor::DType::kF32) return bad_tensor(node.output(), "f32 is not quantized");
  return require_activation_type(node.output());
}

}  // namespace

OpSchema quantize_schema() {
  return {Op::kQuantize, "Quantize", 1, 1, 1, holds<NoAttributes>, check, infer_same, output_elements, false};
}

}  // namespace lichen::graph
