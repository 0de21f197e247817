// SPDX-License-Identifier: Apache-2.0
// Element by element: unary and binary operators, variadic ones, Where, Clip, PRelu, Dropout.
#include <array>

#include "onnx/importer.hpp"
#include "onnx/tensors.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

namespace {

Ids unary(Call& c) {
  return {c.unary(c.op(), c.in(0))};
}

Ids elu(Call& c) {
  const float alpha = c.real("alpha", 1.0F);
  return {c.unary(c.op(), c.in(0), alpha)};
}

Ids leaky_relu(Call& c) {
  const float alpha = c.real("alpha", 0.01F);
  return {c.unary(Op::kLeakyRelu, c.in(0), alpha)};
}

Ids selu(Call& c) {
  const float alpha = c.real("alpha", 1.67326319217681884765625F);
  const float gamma = c.real("gamma", 1.05070102214813232421875F);
  return {c.unary(Op::kSelu, c.in(0), alpha, gamma)};
}

Ids hard_sigmoid(Call& c) {
  const float alpha = c.real("alpha", 0.2F);
  const float beta = c.real("beta", 0.5F);
  return {c.unary(Op::kHardSigmoid, c.in(0), alpha, beta)};
}

Ids shrink(Call& c) {
  const float lambd = c.real("lambd", 0.5F);
  const float bias = c.real("bias", 0.0F);
  return {c.unary(Op::kShrink, c.in(0), lambd, bias)};
}

Ids gelu(Call& c) {
  const std::string approximate = c.text("approximate", "none");
  if (approximate != "none" && approximate != "tanh") c.bad("its attribute 'approximate' is '" + approximate + "'");
  return {c.unary(Op::kGelu, c.in(0), approximate == "tanh" ? 1.0F : 0.0F)};
}

Ids is_inf(Call& c) {
  const bool negative = c.flag("detect_negative", true);
  const bool positive = c.flag("detect_positive", true);
  return {c.unary(Op::kIsInf, c.in(0), (negative ? 1.0F : 0.0F) + (positive ? 2.0F : 0.0F))};
}

Ids swish(Call& c) {  // x * sigmoid(alpha * x)
  const float alpha = c.real("alpha", 1.0F);
  const TensorId x = c.in(0);
  const TensorId scaled = alpha == 1.0F ? x : c.binary(Op::kMul, x, c.scalar(alpha));
  return {c.binary(Op::kMul, x, c.unary(Op::kLogistic, scaled))};
}

Ids binary(Call& c) {
  // Opset 6: shapes must be equal unless `broadcast` is set, which aligns at the end where there is no axis.
  if (c.opset() < 7) static_cast<void>(c.flag("broadcast"));
  return {c.binary(c.op(), c.in(0), c.in(1))};
}

Ids mod(Call& c) {
  const bool fmod = c.flag("fmod");
  return {c.binary(fmod ? Op::kTruncMod : Op::kFloorMod, c.in(0), c.in(1))};
}

Ids bit_shift(Call& c) {
  const std::string direction = c.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") c.bad("its attribute 'direction' is '" + direction + "'");
  return {c.binary(direction == "LEFT" ? Op::kShiftLeft : Op::kShiftRight, c.in(0), c.in(1))};
}

TensorId chain(Call& c, Op op) {
  const Ids all = c.all_inputs();
  if (all.empty()) c.bad("it has no inputs");
  if (c.failed()) return kNoTensor;
  TensorId sum = all[0];
  for (std::size_t i = 1; i < all.size(); ++i) sum = c.binary(op, sum, all[i]);
  return all.size() > 1 ? sum : c.emit(Op::kIdentity, graph::NoAttributes{}, {sum});
}

Ids variadic(Call& c) {
  return {chain(c, c.op())};
}

Ids mean(Call& c) {
  const TensorId sum = chain(c, Op::kAdd);
  return {c.binary(Op::kMul, sum, c.scalar(1.0F / static_cast<float>(c.input_count())))};
}

Ids where(Call& c) {
  const TensorId y = c.emit(Op::kWhere, graph::NoAttributes{}, {c.in(0), c.in(1), c.in(2)});
  return {y};
}

Ids clip(Call& c) {
  TensorId low = c.optional(1);
  TensorId high = c.optional(2);
  if (c.opset() < 11) {
    if (c.has_attribute("min")) low = c.scalar(c.real("min", 0.0F));
    if (c.has_attribute("max")) high = c.scalar(c.real("max", 0.0F));
  }
  const TensorId y = c.emit(Op::kClip, graph::NoAttributes{}, {c.in(0), low, high});
  c.hint_rank(y, c.rank(c.in(0)));
  return {y};
}

Ids prelu(Call& c) {
  TensorId slope = c.in(1);
  const auto rank = c.rank(c.in(0));
  const tensor::Shape* shape = c.shape(slope);
  if (c.opset() < 7 && shape != nullptr && shape->rank() == 1 && rank && *rank > 2) {  // one a channel
    Dims dims(*rank - 1, 1);
    dims[0] = (*shape)[0];
    slope = c.reshaped(slope, dims);
  }
  const TensorId y = c.emit(Op::kPRelu, graph::NoAttributes{}, {c.in(0), slope});
  c.hint_rank(y, c.rank(c.in(0)));
  return {y};
}

// In a model that is not trained nothing is dropped, and the mask is all true.
Ids dropout(Call& c) {
  c.ignore("seed");
  c.ignore("ratio");
  static_cast<void>(c.optional(1));
  if (c.opset() < 7 && !c.flag("is_test")) c.refuse("it is trained (is_test is 0)");
  if (const TensorId training = c.optional(2); training != kNoTensor) {
    if (!c.is_constant(training) || c.constant_bool(training).value_or(true)) c.refuse("it is trained (training_mode)");
  }
  const TensorId x = c.in(0);
  const TensorId y = c.emit(Op::kIdentity, graph::NoAttributes{}, {x});
  c.hint_rank(y, c.rank(x));
  if (!c.wants(1)) return {y};
  const TensorId shape = c.emit(Op::kShape, graph::ShapeAttributes{}, {x});
  return {y, c.emit(Op::kFill, graph::NoAttributes{}, {shape, c.truth(true)})};
}

Ids identity(Call& c) {
  const TensorId x = c.in(0);
  const TensorId y = c.emit(Op::kIdentity, graph::NoAttributes{}, {x});
  c.hint_rank(y, c.rank(x));
  return {y};
}

Ids cast_to(Call& c, TensorId x, std::optional<tensor::DType> to) {
  if (!to) {
    c.refuse("its type is not one that there is");
    return {kNoTensor};
  }
  const TensorId before = *to == tensor::DType::kF32 ? c.before_narrowing(x) : kNoTensor;
  const TensorId y = before != kNoTensor ? c.emit(Op::kIdentity, graph::NoAttributes{}, {before})
                                         : c.emit(Op::kCast, graph::CastAttributes{*to}, {x});
  c.hint_rank(y, c.rank(x));
  return {y};
}

Ids cast(Call& c) {
  c.ignore("saturate");    // only of 8-bit floats
  c.ignore("round_mode");  // the same
  const std::int32_t to = c.int32("to", 0);
  if (!dtype_of_onnx(to)) c.refuse("to " + onnx_type_name(to));
  return cast_to(c, c.in(0), dtype_of_onnx(to));
}

Ids cast_like(Call& c) {
  c.ignore("saturate");
  c.ignore("round_mode");
  return cast_to(c, c.in(0), c.dtype(c.in(1)));
}


constexpr std::array kRows = {
    OnnxOp{"Abs", 1, unary, Op::kAbs},
    OnnxOp{"Acos", 7, unary, Op::kAcos},
    OnnxOp{"Acosh", 9, unary, Op::kAcosh},
    OnnxOp{"Asin", 7, unary, Op::kAsin},
    OnnxOp{"Asinh", 9, unary, Op::kAsinh},
    OnnxOp{"Atan", 7, unary, Op::kAtan},
    OnnxOp{"Atanh", 9, unary, Op::kAtanh},
    OnnxOp{"BitwiseNot", 18, unary, Op::kBitwiseNot},
    OnnxOp{"Ceil", 1, unary, Op::kCeil},
    OnnxOp{"Celu", 12, elu, Op::kCelu},
    OnnxOp{"Cos", 7, unary, Op::kCos},
    OnnxOp{"Cosh", 9, unary, Op::kCosh},
    OnnxOp{"Elu", 1, elu, Op::kElu},
    OnnxOp{"Erf", 9, unary, Op::kErf},
    OnnxOp{"Exp", 1, unary, Op::kExp},
    OnnxOp{"Floor", 1, unary, Op::kFloor},
    OnnxOp{"Gelu", 20, gelu},
    OnnxOp{"HardSigmoid", 1, hard_sigmoid},
    OnnxOp{"HardSwish", 14, unary, Op::kHardSwish},
    OnnxOp{"Identity", 1, identity},
    OnnxOp{"IsInf", 10, is_inf},
    OnnxOp{"IsNaN", 9, unary, Op::kIsNan},
    OnnxOp{"LeakyRelu", 1, leaky_relu},
    OnnxOp{"Log", 1, unary, Op::kLog},
    OnnxOp{"Mish", 18, unary, Op::kMish},
    OnnxOp{"Neg", 1, unary, Op::kNeg},
    OnnxOp{"Not", 1, unary, Op::kLogicalNot},
    OnnxOp{"Reciprocal", 1, unary, Op::kReciprocal},
    OnnxOp{"Relu", 1, unary, Op::kRelu},
    OnnxOp{"Round", 11, unary, Op::kRound},
    OnnxOp{"Selu", 1, selu},
    OnnxOp{"Shrink", 9, shrink},
    OnnxOp{"Sigmoid", 1, unary, Op::kLogistic},
    OnnxOp{"Sign", 9, unary, Op::kSign},
    OnnxOp{"Sin", 7, unary, Op::kSin},
    OnnxOp{"Sinh", 9, unary, Op::kSinh},
    OnnxOp{"Softplus", 1, unary, Op::kSoftplus},
    OnnxOp{"Softsign", 1, unary, Op::kSoftsign},
    OnnxOp{"Sqrt", 1, unary, Op::kSqrt},
    OnnxOp{"Swish", 24, swish},
    OnnxOp{"Tan", 7, unary, Op::kTan},
    OnnxOp{"Tanh", 1, unary, Op::kTanh},
    OnnxOp{"ThresholdedRelu", 10, elu, Op::kThresholdedRelu},

    OnnxOp{"Add", 1, binary, Op::kAdd},
    OnnxOp{"And", 1, binary, Op::kLogicalAnd},
    OnnxOp{"BitShift", 11, bit_shift},
    OnnxOp{"BitwiseAnd", 18, binary, Op::kBitwiseAnd},
    OnnxOp{"BitwiseOr", 18, binary, Op::kBitwiseOr},
    OnnxOp{"BitwiseXor", 18, binary, Op::kBitwiseXor},
    OnnxOp{"Div", 1, binary, Op::kDiv},
    OnnxOp{"Equal", 1, binary, Op::kEqual},
    OnnxOp{"Greater", 1, binary, Op::kGreater},
    OnnxOp{"GreaterOrEqual", 12, binary, Op::kGreaterEqual},
    OnnxOp{"Less", 1, binary, Op::kLess},
    OnnxOp{"LessOrEqual", 12, binary, Op::kLessEqual},
    OnnxOp{"Mod", 10, mod},
    OnnxOp{"Mul", 1, binary, Op::kMul},
    OnnxOp{"Or", 1, binary, Op::kLogicalOr},
    OnnxOp{"Pow", 1, binary, Op::kPow},
    OnnxOp{"Sub", 1, binary, Op::kSub},
    OnnxOp{"Xor", 1, binary, Op::kLogicalXor},

    OnnxOp{"Max", 1, variadic, Op::kMaximum},
    OnnxOp{"Mean", 1, mean},
    OnnxOp{"Min", 1, variadic, Op::kMinimum},
    OnnxOp{"Sum", 1, variadic, Op::kAdd},

    OnnxOp{"Cast", 6, cast},
    OnnxOp{"CastLike", 15, cast_like},
    OnnxOp{"Clip", 1, clip},
    OnnxOp{"Dropout", 1, dropout},
    OnnxOp{"PRelu", 1, prelu},
    OnnxOp{"Where", 9, where},
};

}  // namespace

std::span<const OnnxOp> math_ops() {
  return kRows;
}

}  // namespace lichen::formats
