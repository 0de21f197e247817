// SPDX-License-Identifier: Apache-2.0
// Quantization with scales as tensors, and the QLinear forms, which are dequantized, computed and quantized again: f32
// holds the products of 8-bit integers exactly, and sums of up to 2^24.
#include <array>

#include <fmt/format.h>

#include "onnx/importer.hpp"
#include "onnx/tensors.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

// In ops_windows.cpp: Conv with the attributes of the node.
TensorId convolve(Call& c, TensorId x, TensorId weights, TensorId bias);

namespace {

TensorId same_rank(Call& c, TensorId y, TensorId x) {
  if (!c.failed()) c.hint_rank(y, c.rank(x));
  return y;
}

graph::QuantizeLinearAttributes attributes_of(Call& c) {
  graph::QuantizeLinearAttributes a;
  if (c.opset() >= 13) a.axis = c.int32("axis", 1);
  if (c.opset() >= 21) a.block = c.int32("block_size", 0);
  return a;
}

Ids quantize(Call& c) {
  graph::QuantizeLinearAttributes a = attributes_of(c);
  c.ignore("saturate");  // only of 8-bit floats
  if (c.opset() >= 23) c.ignore("precision");
  if (c.opset() >= 21 && c.integer("output_dtype", 0) != 0) {
    const std::int32_t to = c.int32("output_dtype", 0);
    if (const auto dtype = dtype_of_onnx(to)) a.to = *dtype;
    else c.refuse("to " + onnx_type_name(to));
  }
  return {same_rank(c, c.emit(Op::kQuantizeLinear, a, {c.in(0), c.in(1), c.optional(2)}), c.in(0))};
}

Ids dequantize(Call& c) {
  const graph::QuantizeLinearAttributes a = attributes_of(c);
  constexpr std::int32_t kSameAsScale = 0;
  const std::int32_t to = c.opset() >= 23 ? c.int32("output_dtype", kSameAsScale) : kSameAsScale;
  if (to != kSameAsScale) {
    const auto dtype = dtype_of_onnx(to);
    if (dtype != tensor::DType::kF32 && dtype != tensor::DType::kF16) c.refuse("to " + onnx_type_name(to));
    c.give_halves(dtype == tensor::DType::kF16);
  }
  return {same_rank(c, c.emit(Op::kDequantizeLinear, a, {c.in(0), c.in(1), c.optional(2)}), c.in(0))};
}

Ids dynamic_quantize(Call& c) {
  const Ids y = c.emit_all(Op::kDynamicQuantizeLinear, graph::NoAttributes{}, {c.in(0)}, {true, true, true});
  same_rank(c, y[0], c.in(0));
  return y;
}

TensorId real(Call& c, TensorId x, TensorId scale, TensorId zero_point, std::int32_t axis) {
  graph::QuantizeLinearAttributes a;
  a.axis = axis;
  return same_rank(c, c.emit(Op::kDequantizeLinear, a, {x, scale, zero_point}), x);
}

TensorId stored(Call& c, TensorId y, TensorId scale, TensorId zero_point) {
  graph::QuantizeLinearAttributes a;
  if (const auto dtype = c.dtype(zero_point)) a.to = *dtype;
  return same_rank(c, c.emit(Op::kQuantizeLinear, a, {y, scale, zero_point}), y);
}

// A scale for each slice of the axis comes as [n]; one scale as a scalar or as [1].
TensorId one_or_each(Call& c, TensorId scale) {
  const tensor::Shape* shape = c.shape(scale);
  return shape != nullptr && shape->rank() == 1 && (*shape)[0] == 1 ? c.reshaped(scale, {}) : scale;
}

Ids qlinear_conv(Call& c) {
  const TensorId x_scale = one_or_each(c, c.in(1));
  const TensorId w_scale = one_or_each(c, c.in(4));
  const TensorId x = real(c, c.in(0), x_scale, one_or_each(c, c.in(2)), 1);
  const TensorId w = real(c, c.in(3), w_scale, one_or_each(c, c.in(5)), 0);
  TensorId bias = c.optional(8);
  if (bias != kNoTensor) bias = real(c, bias, c.binary(Op::kMul, x_scale, w_scale), kNoTensor, 0);
  const TensorId y = convolve(c, x, w, bias);
  return {stored(c, y, one_or_each(c, c.in(6)), one_or_each(c, c.in(7)))};
}

// A scale for each row of a or column of b.
std::int32_t axis_from_end(Call& c, TensorId x, std::size_t from_end) {
  const auto rank = c.rank(x);
  return rank && *rank >= from_end ? static_cast<std::int32_t>(*rank - from_end) : 0;
}

Ids qlinear_mat_mul(Call& c) {
  const TensorId a = real(c, c.in(0), one_or_each(c, c.in(1)), one_or_each(c, c.in(2)), axis_from_end(c, c.in(0), 2));
  const TensorId b = real(c, c.in(3), one_or_each(c, c.in(4)), one_or_each(c, c.in(5)), axis_from_end(c, c.in(3), 1));
  const TensorId y = c.emit(Op::kMatMul, graph::MatMulAttributes{}, {a, b});
  return {stored(c, y, one_or_each(c, c.in(6)), one_or_each(c, c.in(7)))};
}

// com.microsoft: what onnxruntime.quantization writes for operator-oriented models.
Ids qlinear_binary(Call& c) {
  const TensorId a = real(c, c.in(0), one_or_each(c, c.in(1)), one_or_each(c, c.optional(2)), 1);
  const TensorId b = real(c, c.in(3), one_or_each(c, c.in(4)), one_or_each(c, c.optional(5)), 1);
  return {stored(c, c.binary(c.op(), a, b), one_or_each(c, c.in(6)), one_or_each(c, c.optional(7)))};
}

Ids qlinear_unary(Call& c) {
  const TensorId x = real(c, c.in(0), one_or_each(c, c.in(1)), one_or_each(c, c.optional(2)), 1);
  const float alpha = c.op() == Op::kLeakyRelu ? c.real("alpha", 0.01F) : 0.0F;
  return {stored(c, c.unary(c.op(), x, alpha), one_or_each(c, c.in(3)), one_or_each(c, c.optional(4)))};
}

Ids qlinear_global_average(Call& c) {
  if (c.flag("channels_last")) c.refuse("channels_last");
  const TensorId x = real(c, c.in(0), one_or_each(c, c.in(1)), one_or_each(c, c.in(2)), 1);
  Dims axes;
  const std::size_t rank = c.need_rank(c.in(0));
  for (std::size_t i = 2; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  const TensorId y = c.emit(Op::kReduceMean, graph::ReduceAttributes{}, {x, c.ints(axes)});
  return {stored(c, y, one_or_each(c, c.in(3)), one_or_each(c, c.in(4)))};
}

Ids microsoft_gelu(Call& c) {
  return {c.unary(Op::kGelu, c.in(0))};
}

Ids fused_conv(Call& c) {
  const TensorId y = convolve(c, c.in(0), c.in(1), c.optional(2));
  const std::string activation = c.text("activation", "");
  const std::vector<float> numbers = c.reals("activation_params");
  if (activation.empty()) return {y};
  if (activation == "Relu") return {c.unary(Op::kRelu, y)};
  if (activation == "Sigmoid") return {c.unary(Op::kLogistic, y)};
  if (activation == "Tanh") return {c.unary(Op::kTanh, y)};
  if (activation == "LeakyRelu" && numbers.size() == 1) return {c.unary(Op::kLeakyRelu, y, numbers[0])};
  if (activation == "Clip" && numbers.size() == 2)
    return {same_rank(c, c.emit(Op::kClip, graph::NoAttributes{}, {y, c.scalar(numbers[0]), c.scalar(numbers[1])}), y)};
  c.refuse("activation '" + activation + "'");
  return {kNoTensor};
}

constexpr std::string_view kMicrosoft = "com.microsoft";

constexpr std::array kRows = {
    OnnxOp{"DequantizeLinear", 10, dequantize},
    OnnxOp{"DynamicQuantizeLinear", 11, dynamic_quantize},
    OnnxOp{"QLinearConv", 10, qlinear_conv},
    OnnxOp{"QLinearMatMul", 10, qlinear_mat_mul},
    OnnxOp{"QuantizeLinear", 10, quantize},
    OnnxOp{"FusedConv", 1, fused_conv, Op::kCount, kMicrosoft},
    OnnxOp{"Gelu", 1, microsoft_gelu, Op::kCount, kMicrosoft},
    OnnxOp{"QLinearAdd", 1, qlinear_binary, Op::kAdd, kMicrosoft},
    OnnxOp{"QLinearGlobalAveragePool", 1, qlinear_global_average, Op::kCount, kMicrosoft},
    OnnxOp{"QLinearLeakyRelu", 1, qlinear_unary, Op::kLeakyRelu, kMicrosoft},
    OnnxOp{"QLinearMul", 1, qlinear_binary, Op::kMul, kMicrosoft},
    OnnxOp{"QLinearSigmoid", 1, qlinear_unary, Op::kLogistic, kMicrosoft},
};

}  // namespace

std::span<const OnnxOp> quantized_ops() {
  return kRows;
}

}  // namespace lichen::formats
