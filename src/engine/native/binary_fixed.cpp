// SPDX-License-Identifier: Apache-2.0
// Scales of two inputs and an output to integer multipliers, by the same float and double steps as LiteRT.
#include "kernels/reference/binary_fixed.hpp"

#include <optional>

#include "engine/native/pairs.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "kernels/reference/word_tables.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using graph::Op;
using reference::AddQuantized;
using reference::AddShifted;
using reference::Broadcast;
using reference::MulQuantized;

graph::Activation activation_of(const graph::NodeView& node) {
  const auto* a = std::get_if<graph::ElementwiseAttributes>(&node.node().attributes);
  return a == nullptr ? graph::Activation::kNone : a->activation;
}

AddQuantized zero_points_of(const graph::NodeView& node) {
  AddQuantized q;
  q.zero_point_a = node.input(0).quantization.zero_point();
  q.zero_point_b = node.input(1).quantization.zero_point();
  return q;
}

// Both inputs are brought to twice the larger of their scales. `power`: of that scale in the result.
Result<AddQuantized> joint_of(const graph::NodeView& node, int left_shift, int power) {
  const float scale_a = node.input(0).quantization.scale();
  const float scale_b = node.input(1).quantization.scale();
  const graph::Tensor& out = node.output();
  const double twice_larger = double{2 * std::max(scale_a, scale_b)};
  const double step = power == 1 ? twice_larger : twice_larger * twice_larger;
  const double out_step = double{static_cast<float>(1 << (left_shift * power)) * out.quantization.scale()};
  AddQuantized q = zero_points_of(node);
  q.zero_point_out = out.quantization.zero_point();
  q.multiplier_a = LICHEN_TRY(kernels::quantize_multiplier(double{scale_a} / twice_larger));
  q.multiplier_b = LICHEN_TRY(kernels::quantize_multiplier(double{scale_b} / twice_larger));
  q.multiplier_out = LICHEN_TRY(kernels::quantize_multiplier(step / out_step));
  q.clamp = clamp_of(activation_of(node), out);
  return q;
}

Result<MulQuantized> product_of(const graph::NodeView& node) {
  const float scale_a = node.input(0).quantization.scale();
  const float scale_b = node.input(1).quantization.scale();
  const tensor::Quantization& out = node.output().quantization;
  MulQuantized q;
  q.zero_point_a = node.input(0).quantization.zero_point();
  q.zero_point_b = node.input(1).quantization.zero_point();
  q.zero_point_out = out.zero_point();
  q.multiplier = LICHEN_TRY(kernels::quantize_multiplier(
      double{node.node().op == Op::kDiv ? scale_a / (scale_b * out.scale()) : scale_a * scale_b / out.scale()}));
  q.identity = LICHEN_TRY(kernels::quantize_multiplier(double{scale_a / out.scale()}));
  q.clamp = clamp_of(activation_of(node), node.output());
  return q;
}

template <typename T, auto function, typename Q>
std::unique_ptr<Step> step_of(const BuildContext& context, std::string_view kernel, const Q& q) {
  return pair_step<T, T, T>(broadcast_of(context.node), kernel,
                            [q](const Broadcast& s, const T* a, const T* b, T* out) { function(s, a, b, q, out); });
}

template <typename T>
StepResult add_step(const BuildContext& context) {
  const auto q = LICHEN_TRY(joint_of(context.node, reference::kAddLeftShift, 1));
  if constexpr (kHasVectorKernels) {
    if (auto step = vector_add<T>(context, broadcast_of(context.node), q)) return step;
  }
  return step_of<T, reference::add<T>>(context, std::is_signed_v<T> ? "add i8 reference" : "add u8 reference", q);
}

template <typename T>
StepResult mul_step(const BuildContext& context) {
  const auto q = LICHEN_TRY(product_of(context.node));
  if constexpr (kHasVectorKernels) {
    if (auto step = vector_mul<T>(context, broadcast_of(context.node), q)) return step;
  }
  return step_of<T, reference::mul<T>>(context, std::is_signed_v<T> ? "mul i8 reference" : "mul u8 reference", q);
}

template <typename T>
StepResult comparison_step(const BuildContext& context) {
  AddQuantized q = zero_points_of(context.node);
  q.multiplier_a = LICHEN_TRY(kernels::quantize_multiplier(double{context.node.input(0).quantization.scale()}));
  q.multiplier_b = LICHEN_TRY(kernels::quantize_multiplier(double{context.node.input(1).quantization.scale()}));
  const auto function = reference::comparison<std::int32_t>(op_name(context));
  return pair_step<T, T, bool>(broadcast_of(context.node), "comparison fixed reference",
                               [q, function](const Broadcast& s, const T* a, const T* b, bool* out) {
                                 reference::compare(s, a, b, function, q, out);
                               });
}

// The larger or smaller stored value: of equal scales only.
template <typename T>
StepResult extreme_step(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const bool equal = node.input(0).quantization == node.output().quantization &&
                     node.input(1).quantization == node.output().quantization;
  if (!equal || activation_of(node) != graph::Activation::kNone) return nullptr;
  return pair_step<T, T, T>(broadcast_of(node), "binary integer reference",
                            reference::binary_integer<T>(op_name(context)));
}

template <typename T>
StepResult build_of(const BuildContext& context) {
  switch (context.node.node().op) {
    case Op::kAdd:
      return add_step<T>(context);
    case Op::kSub:
      return step_of<T, reference::sub<T>>(context, "sub fixed reference",
                                           LICHEN_TRY(joint_of(context.node, reference::kAddLeftShift, 1)));
    case Op::kSquaredDifference:
      return step_of<T, reference::squared_difference<T>>(
          context, "squared_difference fixed reference",
          LICHEN_TRY(joint_of(context.node, reference::kSquaredDifferenceLeftShift, 2)));
    case Op::kMul:
      return mul_step<T>(context);
    case Op::kDiv:
      return step_of<T, reference::div<T>>(context, "div fixed reference", LICHEN_TRY(product_of(context.node)));
    case Op::kPRelu:
      return step_of<T, reference::prelu<T>>(context, "prelu fixed reference", LICHEN_TRY(product_of(context.node)));
    case Op::kMaximum:
    case Op::kMinimum:
      return extreme_step<T>(context);
    case Op::kEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kNotEqual:
      return comparison_step<T>(context);
    default:
      return nullptr;
  }
}

// Nothing: the general arithmetic. That one input at least has the output's scale, and none a finer output, is what
// LiteRT demands of these models.
std::optional<AddShifted> shifted_of(const graph::NodeView& node) {
  constexpr int kShiftMax = 31;
  if (!node.attributes<graph::ElementwiseAttributes>().power_of_two_scales) return std::nullopt;
  const auto a = reference::power_of_two(node.input(0).quantization.scale());
  const auto b = reference::power_of_two(node.input(1).quantization.scale());
  const auto out = reference::power_of_two(node.output().quantization.scale());
  if (!a || !b || !out) return std::nullopt;
  const AddShifted q{*out - *a, *out - *b, clamp_of(activation_of(node), node.output())};
  const bool fits = std::min(q.shift_a, q.shift_b) == 0 && std::max(q.shift_a, q.shift_b) <= kShiftMax;
  return fits ? std::optional(q) : std::nullopt;
}

// 16 bits: what LiteRT computes in integers, of zero points that are 0, which is all that it takes.
StepResult build_words(const BuildContext& context) {
  using T = std::int16_t;
  const graph::NodeView& node = context.node;
  for (const graph::Tensor* tensor : {&node.input(0), &node.input(1)}) {
    if (tensor->quantization.zero_point() != 0) return nullptr;
  }
  if (node.node().op == Op::kEqual || node.node().op == Op::kNotEqual) return comparison_step<T>(context);
  if (node.output().spec.dtype != tensor::DType::kI16 || node.output().quantization.zero_point() != 0) return nullptr;
  switch (node.node().op) {
    case Op::kAdd:
      if (const auto q = shifted_of(node)) return step_of<T, reference::add_shifted>(context, "add i16 shifts", *q);
      return step_of<T, reference::add<T>>(context, "add i16 reference",
                                           LICHEN_TRY(joint_of(node, reference::kAddLeftShift16, 1)));
    case Op::kSub:
      if (const auto q = shifted_of(node)) return step_of<T, reference::sub_shifted>(context, "sub i16 shifts", *q);
      return step_of<T, reference::sub<T>>(context, "sub i16 reference",
                                           LICHEN_TRY(joint_of(node, reference::kAddLeftShift16, 1)));
    case Op::kMul:
      return step_of<T, reference::mul<T>>(context, "mul i16 reference", LICHEN_TRY(product_of(node)));
    case Op::kMaximum:
    case Op::kMinimum:
      return extreme_step<T>(context);
    default:
      return nullptr;
  }
}

}  // namespace

StepResult build_binary_fixed(const BuildContext& context) {
  switch (context.node.input(0).spec.dtype) {
    case tensor::DType::kI8:
      return build_of<std::int8_t>(context);
    case tensor::DType::kU8:
      return build_of<std::uint8_t>(context);
    case tensor::DType::kI16:
      return build_words(context);
    default:
      return nullptr;
  }
}

}  // namespace lichen::engine
