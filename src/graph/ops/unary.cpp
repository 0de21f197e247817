// SPDX-License-Identifier: Apache-2.0
// Ops on every element of one tensor, which keep its shape. All keep its type, but for IsInf and IsNan, which give
// bools.
#include <array>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

constexpr unsigned kRealLike = kReals | kQuantized | kQuantized16;

template <unsigned kinds>
Result<void> check(const NodeView& node) {
  return require_kind(node.input(0), kinds);
}

template <unsigned kinds>
constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .attributes_fit = holds<UnaryAttributes>,
          .check = check<kinds>,
          .infer = infer_same,
          .check_outputs = check_quantized_like_input};
}

constexpr OpSchema real(Op op, std::string_view name) {
  return row<kRealLike>(op, name);
}

constexpr OpSchema number(Op op, std::string_view name) {
  return row < kRealLike | kIntegers > (op, name);
}

Result<OutputTypes> infer_bool(const NodeView& node) {
  return output_of(tensor::DType::kBool, node.input(0).spec.shape);
}

constexpr OpSchema test(Op op, std::string_view name) {
  return {
      .op = op, .name = name, .attributes_fit = holds<UnaryAttributes>, .check = check<kReals>, .infer = infer_bool};
}

constexpr std::array kRows = {
    number(Op::kAbs, "Abs"),
    real(Op::kAcos, "Acos"),
    real(Op::kAcosh, "Acosh"),
    real(Op::kAsin, "Asin"),
    real(Op::kAsinh, "Asinh"),
    real(Op::kAtan, "Atan"),
    real(Op::kAtanh, "Atanh"),
    row<kIntegers>(Op::kBitwiseNot, "BitwiseNot"),
    real(Op::kCeil, "Ceil"),
    real(Op::kCelu, "Celu"),
    real(Op::kCos, "Cos"),
    real(Op::kCosh, "Cosh"),
    real(Op::kElu, "Elu"),
    real(Op::kErf, "Erf"),
    real(Op::kExp, "Exp"),
    real(Op::kFloor, "Floor"),
    real(Op::kGelu, "Gelu"),
    real(Op::kHardSigmoid, "HardSigmoid"),
    real(Op::kHardSwish, "HardSwish"),
    test(Op::kIsInf, "IsInf"),
    test(Op::kIsNan, "IsNan"),
    real(Op::kLeakyRelu, "LeakyRelu"),
    real(Op::kLog, "Log"),
    row<kBools>(Op::kLogicalNot, "LogicalNot"),
    real(Op::kLogistic, "Logistic"),
    real(Op::kMish, "Mish"),
    number(Op::kNeg, "Neg"),
    real(Op::kReciprocal, "Reciprocal"),
    number(Op::kRelu, "Relu"),
    real(Op::kRelu0To1, "Relu0To1"),
    real(Op::kRelu6, "Relu6"),
    real(Op::kReluN1To1, "ReluN1To1"),
    real(Op::kRound, "Round"),
    real(Op::kRsqrt, "Rsqrt"),
    real(Op::kSelu, "Selu"),
    number(Op::kShrink, "Shrink"),
    number(Op::kSign, "Sign"),
    real(Op::kSin, "Sin"),
    real(Op::kSinh, "Sinh"),
    real(Op::kSoftplus, "Softplus"),
    real(Op::kSoftsign, "Softsign"),
    real(Op::kSqrt, "Sqrt"),
    number(Op::kSquare, "Square"),
    real(Op::kTan, "Tan"),
    real(Op::kTanh, "Tanh"),
    real(Op::kThresholdedRelu, "ThresholdedRelu"),
};

}  // namespace

std::span<const OpSchema> unary_rows() {
  return kRows;
}

}  // namespace lichen::graph
