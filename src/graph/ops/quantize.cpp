// SPDX-License-Identifier: Apache-2.0
// Quantize: f32 -> i8 or u8, or i8 / u8 -> i8 / u8 with another scale. Dequantize: i8 or u8 -> f32. Scales are those of
// the tensors; the type that Quantize gives is that of its declared output.
#include <array>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<OutputTypes> infer_quantize(const NodeView& node) {
  return output_of(node.output().spec.dtype, node.input(0).spec.shape);
}

Result<void> check_quantized(const NodeView& node) {
  if (node.output().spec.dtype == tensor::DType::kF32) return bad_tensor(node.output(), "f32 is not quantized");
  return require_activation_type(node.output());
}

Result<void> check_dequantize(const NodeView& node) {
  if (node.input(0).spec.dtype == tensor::DType::kF32) return bad_tensor(node.input(0), "f32 is not quantized");
  return require_activation_type(node.input(0));
}

Result<OutputTypes> infer_dequantize(const NodeView& node) {
  return output_of(tensor::DType::kF32, node.input(0).spec.shape);
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kQuantize,
             .name = "Quantize",
             .attributes_fit = holds<NoAttributes>,
             .check = check_unary,
             .infer = infer_quantize,
             .check_outputs = check_quantized},
    OpSchema{.op = Op::kDequantize,
             .name = "Dequantize",
             .attributes_fit = holds<NoAttributes>,
             .check = check_dequantize,
             .infer = infer_dequantize},
};

}  // namespace

std::span<const OpSchema> quantize_rows() {
  return kRows;
}

}  // namespace lichen::graph
