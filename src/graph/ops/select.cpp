// SPDX-License-Identifier: Apache-2.0
// Where: condition (bool), a, b, all three broadcast against each other; it moves elements of any type. Clip: x, min?,
// max? (one value each). PRelu: x, slope, which is broadcast to x.
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check_where(const NodeView& node) {
  LICHEN_TRY(require_dtype(node.input(0), tensor::DType::kBool));
  LICHEN_TRY(require_same_type(node.input(2), node.input(1)));
  if (is_quantized(node.input(1)) && node.input(1).quantization != node.input(2).quantization)
    return bad_tensor(node.input(2), "another scale than the other choice", Code::kUnsupported);
  return {};
}

Result<OutputTypes> infer_where(const NodeView& node) {
  const auto choices = LICHEN_TRY(broadcast(node, node.input(1).spec.shape, node.input(2).spec.shape));
  return output_of(node.input(1).spec.dtype, LICHEN_TRY(broadcast(node, choices, node.input(0).spec.shape)));
}

Result<void> check_where_output(const NodeView& node) {
  if (!is_quantized(node.input(1)) || node.input(1).quantization == node.output().quantization) return {};
  return bad_tensor(node.output(), "a choice that changes the scale", Code::kUnsupported);
}

Result<void> check_clip(const NodeView& node) {
  LICHEN_TRY(require_kind(node.input(0), kReals | kIntegers));
  for (std::size_t i = 1; i < node.input_count(); ++i) {
    if (!node.has_input(i)) continue;
    LICHEN_TRY(require_same_type(node.input(i), node.input(0)));
    LICHEN_TRY(require_one_element(node.input(i)));
  }
  return {};
}

Result<void> check_prelu(const NodeView& node) {
  LICHEN_TRY(require_kind(node.input(0), kNumbers));
  LICHEN_TRY(require_kind(node.input(1), kNumbers));
  LICHEN_TRY(require_same_type(node.input(1), node.input(0)));
  if (is_quantized(node.input(0)) != is_quantized(node.input(1)))
    return bad_tensor(node.input(1), "only one of input and slope has a scale", Code::kUnsupported);
  const auto joint = LICHEN_TRY(broadcast(node, node.input(0).spec.shape, node.input(1).spec.shape));
  if (joint == node.input(0).spec.shape) return {};
  return bad_tensor(node.input(1), fmt::format("slopes {} for an input {}", node.input(1).spec.shape.to_text(),
                                               node.input(0).spec.shape.to_text()));
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kWhere,
             .name = "Where",
             .inputs_min = 3,
             .inputs_max = 3,
             .inputs_required = 3,
             .attributes_fit = holds<NoAttributes>,
             .check = check_where,
             .infer = infer_where,
             .check_outputs = check_where_output},
    OpSchema{.op = Op::kClip,
             .name = "Clip",
             .inputs_max = 3,
             .attributes_fit = holds<NoAttributes>,
             .check = check_clip,
             .infer = infer_same},
    OpSchema{.op = Op::kPRelu,
             .name = "PRelu",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<NoAttributes>,
             .check = check_prelu,
             .infer = infer_same,
             .check_outputs = check_quantized_like_input},
};

}  // namespace

std::span<const OpSchema> select_rows() {
  return kRows;
}

}  // namespace lichen::graph
