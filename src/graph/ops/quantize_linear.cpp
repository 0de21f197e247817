// SPDX-License-Identifier: Apache-2.0
// Quantization as ONNX has it, scales and zero points being inputs. A scale is one value, or one for each slice along
// an axis, or (block > 0) one for each block of that axis.
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

bool is_small_integer(DType dtype) {
  return dtype == DType::kI8 || dtype == DType::kU8 || dtype == DType::kI16;
}

// The scale's shape that `block` elements of `axis` a scale ask for.
Result<void> check_blocks(const NodeView& node, std::size_t axis, std::int32_t block) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const Tensor& scale = node.input(1);
  bool fits = scale.spec.shape.rank() == in.rank();
  for (std::size_t i = 0; fits && i < in.rank(); ++i)
    fits = scale.spec.shape[i] == (i == axis ? (in[i] + block - 1) / block : in[i]);
  if (fits) return {};
  return bad_tensor(scale, fmt::format("scales {} for blocks of {} along axis {} of {}", scale.spec.shape.to_text(),
                                       block, axis, in.to_text()));
}

Result<void> check_scale(const NodeView& node) {
  const auto& a = node.attributes<QuantizeLinearAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const Tensor& scale = node.input(1);
  LICHEN_TRY(require_dtype(scale, DType::kF32));
  if (node.has_input(2) && node.input(2).spec.shape.elements() != scale.spec.shape.elements())
    return bad_tensor(node.input(2), fmt::format("shape {} where the scale is {}", node.input(2).spec.shape.to_text(),
                                                 scale.spec.shape.to_text()));
  if (a.block < 0) return bad_attribute(fmt::format("block {}", a.block));
  if (a.block == 0 && scale.spec.shape.elements() == 1) return {};
  const std::size_t axis = LICHEN_TRY(axis_of(a.axis, in.rank()));
  if (a.block > 0) return check_blocks(node, axis, a.block);
  if (scale.spec.shape.rank() == 1 && scale.spec.shape[0] == in[axis]) return {};
  return bad_tensor(scale,
                    fmt::format("scales {} along axis {} of {}", scale.spec.shape.to_text(), axis, in.to_text()));
}

Result<void> check_quantize(const NodeView& node) {
  const DType from = node.input(0).spec.dtype;
  if (from != DType::kF32 && from != DType::kI32)
    return bad_tensor(node.input(0), fmt::format("{} is not quantized, f32 and i32 are", name_of(from)),
                      Code::kUnsupported);
  const DType to = node.has_input(2) ? node.input(2).spec.dtype : node.attributes<QuantizeLinearAttributes>().to;
  if (!is_small_integer(to))
    return bad_tensor(node.input(node.has_input(2) ? 2 : 0), fmt::format("quantization to {}", name_of(to)),
                      Code::kUnsupported);
  return check_scale(node);
}

Result<OutputTypes> infer_quantize(const NodeView& node) {
  const DType to = node.has_input(2) ? node.input(2).spec.dtype : node.attributes<QuantizeLinearAttributes>().to;
  return output_of(to, node.input(0).spec.shape);
}

Result<void> check_dequantize(const NodeView& node) {
  const DType from = node.input(0).spec.dtype;
  if (!is_small_integer(from) && from != DType::kI32)
    return bad_tensor(node.input(0), fmt::format("{} is not dequantized", name_of(from)), Code::kUnsupported);
  if (node.has_input(2)) LICHEN_TRY(require_dtype(node.input(2), from));
  return check_scale(node);
}

Result<OutputTypes> infer_dequantize(const NodeView& node) {
  return output_of(DType::kF32, node.input(0).spec.shape);
}

Result<void> check_dynamic(const NodeView& node) {
  return require_dtype(node.input(0), DType::kF32);
}

Result<OutputTypes> infer_dynamic(const NodeView& node) {
  return OutputTypes{{DType::kU8, node.input(0).spec.shape, false},
                     {DType::kF32, tensor::Shape{}, false},
                     {DType::kU8, tensor::Shape{}, false}};
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kQuantizeLinear,
             .name = "QuantizeLinear",
             .inputs_min = 2,
             .inputs_max = 3,
             .inputs_required = 2,
             .attributes_fit = holds<QuantizeLinearAttributes>,
             .check = check_quantize,
             .infer = infer_quantize},
    OpSchema{.op = Op::kDequantizeLinear,
             .name = "DequantizeLinear",
             .inputs_min = 2,
             .inputs_max = 3,
             .inputs_required = 2,
             .attributes_fit = holds<QuantizeLinearAttributes>,
             .check = check_dequantize,
             .infer = infer_dequantize},
    OpSchema{.op = Op::kDynamicQuantizeLinear,
             .name = "DynamicQuantizeLinear",
             .outputs_max = 3,
             .attributes_fit = holds<NoAttributes>,
             .check = check_dynamic,
             .infer = infer_dynamic},
};

}  // namespace

std::span<const OpSchema> quantize_linear_rows() {
  return kRows;
}

}  // namespace lichen::graph
