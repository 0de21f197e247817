// SPDX-License-Identifier: Apache-2.0
// Quantize: f32 to i8, u8 or i16, or these to each other with another scale; i32 to i8 and i16, and back from i16.
// Dequantize: i8, u8 or i16 with one scale,
// or one for each slice along an axis, to f32; f16 too, which has no scale. Scales are those of the tensors; the type
// that Quantize gives is that of its declared output.
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

// i32 with one scale, which only Quantize knows: to and from i16, and to i8.
bool is_quantized32(const Tensor& tensor) {
  return tensor.spec.dtype == DType::kI32 && tensor.quantization.scales.size() == 1;
}

Result<void> check_quantize(const NodeView& node) {
  if (is_quantized32(node.input(0))) return {};
  return require_kind(node.input(0), kReals | kQuantized | kQuantized16);
}

Result<OutputTypes> infer_quantize(const NodeView& node) {
  return output_of(node.output().spec.dtype, node.input(0).spec.shape);
}

Result<void> check_quantized(const NodeView& node) {
  if (is_quantized32(node.output()) && node.input(0).spec.dtype == DType::kI16) return {};
  return require_kind(node.output(), kQuantized | kQuantized16);
}

Result<void> check_dequantize(const NodeView& node) {
  const Tensor& input = node.input(0);
  if (input.spec.dtype == DType::kF16) return {};
  if (is_quantized(input)) return {};
  return bad_tensor(input, fmt::format("{} {} a scale is not dequantized", name_of(input.spec.dtype),
                                       input.quantization.empty() ? "without" : "with"));
}

Result<OutputTypes> infer_dequantize(const NodeView& node) {
  return output_of(DType::kF32, node.input(0).spec.shape);
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kQuantize,
             .name = "Quantize",
             .attributes_fit = holds<NoAttributes>,
             .check = check_quantize,
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
