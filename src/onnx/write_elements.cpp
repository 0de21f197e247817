// SPDX-License-Identifier: Apache-2.0
// Element by element, reductions, and what makes tensors from sizes.
#include <array>

#include <fmt/format.h>

#include "onnx/tensors.hpp"
#include "onnx/write.hpp"

namespace lichen::formats {

using graph::Op;

namespace {

std::string_view name_of_row(const GraphWriter& w) {
  return find_write_row(w.node().op)->name;
}

// An image that is there as [n, c, h, w] stays so.
void apply_unary(GraphWriter& w, std::string_view op, const OnnxAttributes& attributes = {}) {
  if (w.is_channels_first(0)) return w.put_channels_first(w.add(op, {w.channels_first(0)}, attributes), {});
  w.put(w.add(op, {w.in(0)}, attributes));
}

void unary(GraphWriter& w) {
  apply_unary(w, name_of_row(w));
}

void unary_alpha(GraphWriter& w) {
  apply_unary(w, name_of_row(w), {{"alpha", w.attributes<graph::UnaryAttributes>().alpha}});
}

void selu(GraphWriter& w) {
  const auto& a = w.attributes<graph::UnaryAttributes>();
  apply_unary(w, "Selu", {{"alpha", a.alpha}, {"gamma", a.beta}});
}

void hard_sigmoid(GraphWriter& w) {
  const auto& a = w.attributes<graph::UnaryAttributes>();
  apply_unary(w, "HardSigmoid", {{"alpha", a.alpha}, {"beta", a.beta}});
}

void shrink(GraphWriter& w) {
  const auto& a = w.attributes<graph::UnaryAttributes>();
  apply_unary(w, "Shrink", {{"lambd", a.alpha}, {"bias", a.beta}});
}

void gelu(GraphWriter& w) {
  const bool tanh = w.attributes<graph::UnaryAttributes>().alpha != 0.0F;
  apply_unary(w, "Gelu", {{"approximate", std::string(tanh ? "tanh" : "none")}});
}

void is_inf(GraphWriter& w) {
  const auto mask = static_cast<std::int64_t>(w.attributes<graph::UnaryAttributes>().alpha);
  apply_unary(w, "IsInf", {{"detect_negative", mask & 1}, {"detect_positive", mask >> 1 & 1}});
}

void clamp(GraphWriter& w, float low, float high) {
  const std::string from = w.number(low);
  const std::string to = w.number(high);
  if (w.is_channels_first(0)) return w.put_channels_first(w.add("Clip", {w.channels_first(0), from, to}), {});
  w.put(w.add("Clip", {w.in(0), from, to}));
}

void relu6(GraphWriter& w) {
  clamp(w, 0.0F, 6.0F);
}
void relu_n1_to_1(GraphWriter& w) {
  clamp(w, -1.0F, 1.0F);
}
void relu_0_to_1(GraphWriter& w) {
  clamp(w, 0.0F, 1.0F);
}

void rsqrt(GraphWriter& w) {
  w.put(w.add("Reciprocal", {w.add("Sqrt", {w.in(0)})}));
}

void square(GraphWriter& w) {
  w.put(w.add("Mul", {w.in(0), w.in(0)}));
}

// Identity keeps the stored integers.
void identity(GraphWriter& w) {
  if (w.is_channels_first(0) && w.output().quantization.empty())
    return w.put_channels_first(w.add("Identity", {w.channels_first(0)}), {});
  w.put_stored(w.add("Identity", {w.stored(0)}));
}

void apply_binary(GraphWriter& w, std::string_view op, const OnnxAttributes& attributes = {}) {
  const auto activation = w.attributes<graph::ElementwiseAttributes>().activation;
  if (w.is_channels_first(0) && w.is_channels_first(1)) {
    return w.put_channels_first(w.add(op, {w.channels_first(0), w.channels_first(1)}, attributes), activation);
  }
  w.put(w.activated(w.add(op, {w.in(0), w.in(1)}, attributes), activation));
}

void binary(GraphWriter& w) {
  apply_binary(w, name_of_row(w));
}

void shift_left(GraphWriter& w) {
  apply_binary(w, "BitShift", {{"direction", std::string("LEFT")}});
}
void shift_right(GraphWriter& w) {
  apply_binary(w, "BitShift", {{"direction", std::string("RIGHT")}});
}

void trunc_mod(GraphWriter& w) {
  apply_binary(w, "Mod", {{"fmod", std::int64_t{1}}});
}

bool is_real(const GraphWriter& w) {
  return w.input(0).spec.dtype == tensor::DType::kF32 || !w.input(0).quantization.empty();
}

// a - floor(a / b) * b of reals; ONNX's Mod of integers has the sign of the divisor by itself.
void floor_mod(GraphWriter& w) {
  if (!is_real(w)) return w.put(w.add("Mod", {w.in(0), w.in(1)}));
  const std::string whole = w.add("Floor", {w.add("Div", {w.in(0), w.in(1)})});
  w.put(w.add("Sub", {w.in(0), w.add("Mul", {whole, w.in(1)})}));
}

void floor_div(GraphWriter& w) {
  if (is_real(w)) return w.put(w.add("Floor", {w.add("Div", {w.in(0), w.in(1)})}));
  const std::string rest = w.add("Mod", {w.in(0), w.in(1)});
  w.put(w.add("Div", {w.add("Sub", {w.in(0), rest}), w.in(1)}));
}

void not_equal(GraphWriter& w) {
  w.put(w.add("Not", {w.add("Equal", {w.in(0), w.in(1)})}));
}

void squared_difference(GraphWriter& w) {
  const std::string difference = w.add("Sub", {w.in(0), w.in(1)});
  w.put(w.add("Mul", {difference, difference}));
}

void in_order(GraphWriter& w) {
  TensorNames inputs;
  for (std::size_t i = 0; i < w.node().inputs.size(); ++i) inputs.push_back(w.in(i));
  w.put(w.add(name_of_row(w), inputs));
}

void to_type(GraphWriter& w, const std::string& value, tensor::DType dtype, std::size_t output) {
  if (dtype == tensor::DType::kI64) return w.put(value, output);
  w.put(w.add("Cast", {value}, {{"to", std::int64_t{onnx_type_of(dtype)}}}), output);
}

void reduce(GraphWriter& w) {
  const auto& a = w.attributes<graph::ReduceAttributes>();
  const OnnxAttributes attributes = {{"keepdims", std::int64_t{a.keep_dims}},
                                     {"noop_with_empty_axes", std::int64_t{a.no_axes_is_identity}}};
  w.put(w.add(name_of_row(w), {w.in(0), w.as_int64(1)}, attributes));
}

// ReduceMax and ReduceMin of bytes that are 0 or 1.
void reduce_truth(GraphWriter& w) {
  const auto& a = w.attributes<graph::ReduceAttributes>();
  const std::string bytes = w.add("Cast", {w.in(0)}, {{"to", std::int64_t{2}}});
  const std::string y = w.add(name_of_row(w), {bytes, w.as_int64(1)},
                              {{"keepdims", std::int64_t{a.keep_dims}},
                               {"noop_with_empty_axes", std::int64_t{a.no_axes_is_identity}}});
  w.put(w.add("Cast", {y}, {{"to", std::int64_t{9}}}));
}

void arg(GraphWriter& w) {
  const auto& a = w.attributes<graph::ArgAttributes>();
  const std::string y = w.add(name_of_row(w), {w.in(0)},
                              {{"axis", std::int64_t{a.axis}},
                               {"keepdims", std::int64_t{a.keep_dims}},
                               {"select_last_index", std::int64_t{a.last}}});
  to_type(w, y, a.to, 0);
}

void cum_sum(GraphWriter& w) {
  const auto& a = w.attributes<graph::CumSumAttributes>();
  w.put(w.add("CumSum", {w.in(0), w.stored(1)},
              {{"exclusive", std::int64_t{a.exclusive}}, {"reverse", std::int64_t{a.reverse}}}));
}

void top_k(GraphWriter& w) {
  const auto& a = w.attributes<graph::TopKAttributes>();
  const std::string k = w.add("Reshape", {w.as_int64(1), w.ints({1})});
  const TensorNames y = w.add_many("TopK", {w.in(0), k},
                                   {{"axis", std::int64_t{a.axis}},
                                    {"largest", std::int64_t{a.largest}},
                                    {"sorted", std::int64_t{a.sorted}}},
                                   2);
  w.put(y[0], 0);
  to_type(w, y[1], a.to, 1);
}

void cast(GraphWriter& w) {
  const tensor::DType to = w.attributes<graph::CastAttributes>().to;
  w.put_stored(w.add("Cast", {w.stored(0)}, {{"to", std::int64_t{onnx_type_of(to)}}}));
}

void fill(GraphWriter& w) {
  w.put_stored(w.add("Expand", {w.stored(1), w.as_int64(0)}));
}

void range(GraphWriter& w) {
  const auto scalar = [&](std::size_t i) { return w.add("Reshape", {w.stored(i), w.ints({})}); };
  const std::string start = scalar(0);
  const std::string limit = scalar(1);
  w.put(w.add("Range", {start, limit, scalar(2)}));
}

void shape(GraphWriter& w) {
  const auto& a = w.attributes<graph::ShapeAttributes>();
  OnnxAttributes attributes;
  if (a.start != 0) attributes.push_back({"start", std::int64_t{a.start}});
  if (a.end != INT32_MAX) attributes.push_back({"end", std::int64_t{a.end}});
  to_type(w, w.add("Shape", {w.stored(0)}, attributes), a.to, 0);
}

void size(GraphWriter& w) {
  to_type(w, w.add("Size", {w.stored(0)}), w.attributes<graph::ShapeAttributes>().to, 0);
}

void eye_like(GraphWriter& w) {
  const auto& a = w.attributes<graph::EyeLikeAttributes>();
  w.put(w.add("EyeLike", {w.stored(0)}, {{"k", std::int64_t{a.k}}, {"dtype", std::int64_t{onnx_type_of(a.to)}}}));
}

void one_hot(GraphWriter& w) {
  w.put(w.add("OneHot", {w.stored(0), w.stored(1), w.stored(2)},
              {{"axis", std::int64_t{w.attributes<graph::AxisAttributes>().axis}}}));
}

void compress(GraphWriter& w) {
  const auto& a = w.attributes<graph::CompressAttributes>();
  OnnxAttributes attributes;
  if (!a.flat) attributes.push_back({"axis", std::int64_t{a.axis}});
  w.put_stored(w.add("Compress", {w.stored(0), w.stored(1)}, attributes));
}

void branch(GraphWriter& w) {
  const auto& a = w.attributes<graph::IfAttributes>();
  TensorNames inputs;
  for (std::size_t i = 1; i < w.node().inputs.size(); ++i) inputs.push_back(w.stored(i));
  const std::string condition = w.stored(0);
  const TensorNames y = w.add_many("If", {condition}, {}, w.outputs());
  ::onnx::NodeProto& node = w.last();
  w.add_branch(node, "then_branch", a.then_graph, inputs);
  w.add_branch(node, "else_branch", a.else_graph, inputs);
  for (std::size_t i = 0; i < y.size(); ++i) w.put_stored(y[i], i);
}

void quantize(GraphWriter& w) {
  w.put(w.in(0));
}

void quantize_linear(GraphWriter& w) {
  const auto& a = w.attributes<graph::QuantizeLinearAttributes>();
  OnnxAttributes attributes = {{"axis", std::int64_t{a.axis}}};
  if (a.block != 0) attributes.push_back({"block_size", std::int64_t{a.block}});
  if (w.node().op == Op::kQuantizeLinear && !w.has(2))
    attributes.push_back({"output_dtype", std::int64_t{onnx_type_of(a.to)}});
  w.put_stored(w.add(name_of_row(w), {w.stored(0), w.stored(1), w.stored(2)}, attributes));
}

void dynamic_quantize(GraphWriter& w) {
  const TensorNames y = w.add_many("DynamicQuantizeLinear", {w.in(0)}, {}, 3);
  for (std::size_t i = 0; i < y.size(); ++i) w.put_stored(y[i], i);
}

constexpr std::array kRows = {
    OnnxWriteRow{Op::kAbs, unary, "Abs"},
    OnnxWriteRow{Op::kAcos, unary, "Acos"},
    OnnxWriteRow{Op::kAcosh, unary, "Acosh"},
    OnnxWriteRow{Op::kAsin, unary, "Asin"},
    OnnxWriteRow{Op::kAsinh, unary, "Asinh"},
    OnnxWriteRow{Op::kAtan, unary, "Atan"},
    OnnxWriteRow{Op::kAtanh, unary, "Atanh"},
    OnnxWriteRow{Op::kBitwiseNot, unary, "BitwiseNot"},
    OnnxWriteRow{Op::kCeil, unary, "Ceil"},
    OnnxWriteRow{Op::kCelu, unary_alpha, "Celu"},
    OnnxWriteRow{Op::kCos, unary, "Cos"},
    OnnxWriteRow{Op::kCosh, unary, "Cosh"},
    OnnxWriteRow{Op::kElu, unary_alpha, "Elu"},
    OnnxWriteRow{Op::kErf, unary, "Erf"},
    OnnxWriteRow{Op::kExp, unary, "Exp"},
    OnnxWriteRow{Op::kFloor, unary, "Floor"},
    OnnxWriteRow{Op::kGelu, gelu},
    OnnxWriteRow{Op::kHardSigmoid, hard_sigmoid},
    OnnxWriteRow{Op::kHardSwish, unary, "HardSwish"},
    OnnxWriteRow{Op::kIdentity, identity},
    OnnxWriteRow{Op::kIsInf, is_inf},
    OnnxWriteRow{Op::kIsNan, unary, "IsNaN"},
    OnnxWriteRow{Op::kLeakyRelu, unary_alpha, "LeakyRelu"},
    OnnxWriteRow{Op::kLog, unary, "Log"},
    OnnxWriteRow{Op::kLogicalNot, unary, "Not"},
    OnnxWriteRow{Op::kLogistic, unary, "Sigmoid"},
    OnnxWriteRow{Op::kMish, unary, "Mish"},
    OnnxWriteRow{Op::kNeg, unary, "Neg"},
    OnnxWriteRow{Op::kReciprocal, unary, "Reciprocal"},
    OnnxWriteRow{Op::kRelu, unary, "Relu"},
    OnnxWriteRow{Op::kRelu0To1, relu_0_to_1},
    OnnxWriteRow{Op::kRelu6, relu6},
    OnnxWriteRow{Op::kReluN1To1, relu_n1_to_1},
    OnnxWriteRow{Op::kRound, unary, "Round"},
    OnnxWriteRow{Op::kRsqrt, rsqrt},
    OnnxWriteRow{Op::kSelu, selu},
    OnnxWriteRow{Op::kShrink, shrink},
    OnnxWriteRow{Op::kSign, unary, "Sign"},
    OnnxWriteRow{Op::kSin, unary, "Sin"},
    OnnxWriteRow{Op::kSinh, unary, "Sinh"},
    OnnxWriteRow{Op::kSoftplus, unary, "Softplus"},
    OnnxWriteRow{Op::kSoftsign, unary, "Softsign"},
    OnnxWriteRow{Op::kSqrt, unary, "Sqrt"},
    OnnxWriteRow{Op::kSquare, square},
    OnnxWriteRow{Op::kTan, unary, "Tan"},
    OnnxWriteRow{Op::kTanh, unary, "Tanh"},
    OnnxWriteRow{Op::kThresholdedRelu, unary_alpha, "ThresholdedRelu"},

    OnnxWriteRow{Op::kAdd, binary, "Add"},
    OnnxWriteRow{Op::kBitwiseAnd, binary, "BitwiseAnd"},
    OnnxWriteRow{Op::kBitwiseOr, binary, "BitwiseOr"},
    OnnxWriteRow{Op::kBitwiseXor, binary, "BitwiseXor"},
    OnnxWriteRow{Op::kDiv, binary, "Div"},
    OnnxWriteRow{Op::kEqual, binary, "Equal"},
    OnnxWriteRow{Op::kFloorDiv, floor_div},
    OnnxWriteRow{Op::kFloorMod, floor_mod},
    OnnxWriteRow{Op::kGreater, binary, "Greater"},
    OnnxWriteRow{Op::kGreaterEqual, binary, "GreaterOrEqual"},
    OnnxWriteRow{Op::kLess, binary, "Less"},
    OnnxWriteRow{Op::kLessEqual, binary, "LessOrEqual"},
    OnnxWriteRow{Op::kLogicalAnd, binary, "And"},
    OnnxWriteRow{Op::kLogicalOr, binary, "Or"},
    OnnxWriteRow{Op::kLogicalXor, binary, "Xor"},
    OnnxWriteRow{Op::kMaximum, binary, "Max"},
    OnnxWriteRow{Op::kMinimum, binary, "Min"},
    OnnxWriteRow{Op::kMul, binary, "Mul"},
    OnnxWriteRow{Op::kNotEqual, not_equal},
    OnnxWriteRow{Op::kPow, binary, "Pow"},
    OnnxWriteRow{Op::kShiftLeft, shift_left},
    OnnxWriteRow{Op::kShiftRight, shift_right},
    OnnxWriteRow{Op::kSquaredDifference, squared_difference},
    OnnxWriteRow{Op::kSub, binary, "Sub"},
    OnnxWriteRow{Op::kTruncMod, trunc_mod},

    OnnxWriteRow{Op::kClip, in_order, "Clip"},
    OnnxWriteRow{Op::kPRelu, in_order, "PRelu"},
    OnnxWriteRow{Op::kWhere, in_order, "Where"},

    OnnxWriteRow{Op::kArgMax, arg, "ArgMax"},
    OnnxWriteRow{Op::kArgMin, arg, "ArgMin"},
    OnnxWriteRow{Op::kCumSum, cum_sum},
    OnnxWriteRow{Op::kReduceAll, reduce_truth, "ReduceMin"},
    OnnxWriteRow{Op::kReduceAny, reduce_truth, "ReduceMax"},
    OnnxWriteRow{Op::kReduceL1, reduce, "ReduceL1"},
    OnnxWriteRow{Op::kReduceL2, reduce, "ReduceL2"},
    OnnxWriteRow{Op::kReduceLogSum, reduce, "ReduceLogSum"},
    OnnxWriteRow{Op::kReduceLogSumExp, reduce, "ReduceLogSumExp"},
    OnnxWriteRow{Op::kReduceMax, reduce, "ReduceMax"},
    OnnxWriteRow{Op::kReduceMean, reduce, "ReduceMean"},
    OnnxWriteRow{Op::kReduceMin, reduce, "ReduceMin"},
    OnnxWriteRow{Op::kReduceProd, reduce, "ReduceProd"},
    OnnxWriteRow{Op::kReduceSum, reduce, "ReduceSum"},
    OnnxWriteRow{Op::kReduceSumSquare, reduce, "ReduceSumSquare"},
    OnnxWriteRow{Op::kTopK, top_k},

    OnnxWriteRow{Op::kCast, cast},
    OnnxWriteRow{Op::kCompress, compress},
    OnnxWriteRow{Op::kDequantize, quantize},
    OnnxWriteRow{Op::kDequantizeLinear, quantize_linear, "DequantizeLinear"},
    OnnxWriteRow{Op::kDynamicQuantizeLinear, dynamic_quantize},
    OnnxWriteRow{Op::kEyeLike, eye_like},
    OnnxWriteRow{Op::kFill, fill},
    OnnxWriteRow{Op::kIf, branch},
    OnnxWriteRow{Op::kNonZero, in_order, "NonZero"},
    OnnxWriteRow{Op::kOneHot, one_hot},
    OnnxWriteRow{Op::kQuantize, quantize},
    OnnxWriteRow{Op::kQuantizeLinear, quantize_linear, "QuantizeLinear"},
    OnnxWriteRow{Op::kRange, range},
    OnnxWriteRow{Op::kShape, shape},
    OnnxWriteRow{Op::kSize, size},
};

}  // namespace

std::span<const OnnxWriteRow> written_elements() {
  return kRows;
}

}  // namespace lichen::formats
