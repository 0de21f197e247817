// SPDX-License-Identifier: Apache-2.0
// Ops on the elements of two tensors that are broadcast against each other as NumPy does. Both have one type (but for
// Pow), which is that of the result, or the result is bool.
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

constexpr unsigned kRealLike = kReals | kQuantized | kQuantized16;

Result<tensor::Shape> joint(const NodeView& node) {
  return broadcast(node, node.input(0).spec.shape, node.input(1).spec.shape);
}

Result<void> check_kinds(const NodeView& node, unsigned kinds) {
  LICHEN_TRY(require_clamp(node.attributes<ElementwiseAttributes>().activation));
  LICHEN_TRY(require_kind(node.input(0), kinds));
  return require_kind(node.input(1), kinds);
}

template <unsigned kinds>
Result<void> check(const NodeView& node) {
  LICHEN_TRY(check_kinds(node, kinds));
  LICHEN_TRY(require_same_type(node.input(1), node.input(0)));
  if (is_quantized(node.input(0)) == is_quantized(node.input(1))) return {};
  return bad_tensor(node.input(1), fmt::format("only one of it and '{}' has a scale", node.input(0).spec.name),
                    Code::kUnsupported);
}

Result<void> check_pow(const NodeView& node) {
  LICHEN_TRY(check_kinds(node, kRealLike | kIntegers));
  if (is_quantized(node.input(0)) == is_quantized(node.input(1))) return {};
  return bad_tensor(node.input(1), "only one of base and exponent has a scale", Code::kUnsupported);
}

Result<OutputTypes> infer(const NodeView& node) {
  return output_like(node, LICHEN_TRY(joint(node)));
}

Result<OutputTypes> infer_bool(const NodeView& node) {
  return output_of(tensor::DType::kBool, LICHEN_TRY(joint(node)));
}

template <unsigned kinds>
constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .inputs_min = 2,
          .inputs_max = 2,
          .inputs_required = 2,
          .attributes_fit = holds<ElementwiseAttributes>,
          .check = check<kinds>,
          .infer = infer,
          .check_outputs = check_quantized_like_input};
}

constexpr OpSchema number(Op op, std::string_view name) {
  return row < kRealLike | kIntegers > (op, name);
}

template <unsigned kinds>
constexpr OpSchema comparison(Op op, std::string_view name) {
  OpSchema made = row<kinds>(op, name);
  made.infer = infer_bool;
  made.check_outputs = nullptr;
  return made;
}

constexpr OpSchema pow_row() {
  OpSchema made = number(Op::kPow, "Pow");
  made.check = check_pow;
  return made;
}

constexpr unsigned kOrdered = kRealLike | kIntegers;

constexpr std::array kRows = {
    number(Op::kAdd, "Add"),
    row<kRealLike>(Op::kAtan2, "Atan2"),
    row<kIntegers>(Op::kBitwiseAnd, "BitwiseAnd"),
    row<kIntegers>(Op::kBitwiseOr, "BitwiseOr"),
    row<kIntegers>(Op::kBitwiseXor, "BitwiseXor"),
    number(Op::kDiv, "Div"),
    comparison<kOrdered | kBools>(Op::kEqual, "Equal"),
    number(Op::kFloorDiv, "FloorDiv"),
    number(Op::kFloorMod, "FloorMod"),
    comparison<kOrdered>(Op::kGreater, "Greater"),
    comparison<kOrdered>(Op::kGreaterEqual, "GreaterEqual"),
    comparison<kOrdered>(Op::kLess, "Less"),
    comparison<kOrdered>(Op::kLessEqual, "LessEqual"),
    row<kBools>(Op::kLogicalAnd, "LogicalAnd"),
    row<kBools>(Op::kLogicalOr, "LogicalOr"),
    row<kBools>(Op::kLogicalXor, "LogicalXor"),
    number(Op::kMaximum, "Maximum"),
    number(Op::kMinimum, "Minimum"),
    number(Op::kMul, "Mul"),
    comparison<kOrdered | kBools>(Op::kNotEqual, "NotEqual"),
    pow_row(),
    row<kIntegers>(Op::kShiftLeft, "ShiftLeft"),
    row<kIntegers>(Op::kShiftRight, "ShiftRight"),
    number(Op::kSquaredDifference, "SquaredDifference"),
    number(Op::kSub, "Sub"),
    number(Op::kTruncMod, "TruncMod"),
};

}  // namespace

std::span<const OpSchema> binary_rows() {
  return kRows;
}

}  // namespace lichen::graph
