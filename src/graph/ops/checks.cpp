// SPDX-License-Identifier: Apache-2.0
#include "graph/ops/checks.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "graph/ops/words.hpp"

namespace lichen::graph {

using tensor::DType;

std::unexpected<Error> bad_tensor(const Tensor& tensor, std::string why, Code code) {
  return fail(code, "bad node", fmt::format("tensor '{}'", tensor.spec.name), std::move(why));
}

std::unexpected<Error> bad_attribute(std::string why) {
  return fail(Code::kBadInput, "bad node", "attributes", std::move(why));
}

Result<void> require_rank(const Tensor& tensor, std::size_t rank) {
  if (tensor.spec.shape.rank() == rank) return {};
  return bad_tensor(tensor, fmt::format("shape {} where rank {} is needed", tensor.spec.shape.to_text(), rank));
}

Result<void> require_dtype(const Tensor& tensor, DType dtype) {
  if (tensor.spec.dtype == dtype) return {};
  return bad_tensor(tensor, fmt::format("{} where {} is needed", name_of(tensor.spec.dtype), name_of(dtype)),
                    Code::kUnsupported);
}

Result<void> require_activation_type(const Tensor& tensor) {
  const DType dtype = tensor.spec.dtype;
  if (dtype == DType::kF32) return {};
  if (dtype != DType::kI8 && dtype != DType::kU8) {
    return bad_tensor(tensor, fmt::format("{} is not computed with, only f32, i8 and u8 are", name_of(dtype)),
                      Code::kUnsupported);
  }
  if (tensor.quantization.empty()) return bad_tensor(tensor, fmt::format("{} without a scale", name_of(dtype)));
  if (tensor.quantization.per_channel()) {
    return bad_tensor(tensor, "an activation with one scale a channel", Code::kUnsupported);
  }
  return {};
}

Result<void> require_words(const Tensor& tensor) {
  LICHEN_TRY(require_dtype(tensor, DType::kI16));
  if (tensor.quantization.empty()) return bad_tensor(tensor, "i16 without a scale");
  if (!tensor.quantization.per_channel() && tensor.quantization.zero_point() == 0) return {};
  return bad_tensor(tensor, "an activation of i16 with a zero point, or with one scale a channel", Code::kUnsupported);
}

Result<void> require_activation_or_words(const Tensor& tensor) {
  return tensor.spec.dtype == DType::kI16 ? require_words(tensor) : require_activation_type(tensor);
}

Result<void> require_same_type(const Tensor& tensor, const Tensor& as) {
  if (tensor.spec.dtype == as.spec.dtype) return {};
  return bad_tensor(
      tensor, fmt::format("{} beside '{}' of {}", name_of(tensor.spec.dtype), as.spec.name, name_of(as.spec.dtype)),
      Code::kUnsupported);
}

bool is_quantized(const Tensor& tensor) {
  const DType dtype = tensor.spec.dtype;
  return (dtype == DType::kI8 || dtype == DType::kU8 || dtype == DType::kI16) && !tensor.quantization.empty();
}

namespace {

unsigned kind_of(const Tensor& tensor) {
  switch (tensor.spec.dtype) {
    case DType::kF32:
      return kReals;
    case DType::kI8:
    case DType::kU8:
      return is_quantized(tensor) ? kQuantized : kIntegers;
    case DType::kI16:
      return is_quantized(tensor) ? kQuantized16 : kIntegers;
    case DType::kI32:
    case DType::kI64:
      return kIntegers;
    case DType::kBool:
      return kBools;
    case DType::kF16:
      break;
  }
  return 0;
}

}  // namespace

Result<void> require_kind(const Tensor& tensor, unsigned kinds) {
  if ((kind_of(tensor) & kinds) == 0) {
    return bad_tensor(tensor,
                      fmt::format("{} {} a scale is not computed with here", name_of(tensor.spec.dtype),
                                  tensor.quantization.empty() ? "without" : "with"),
                      Code::kUnsupported);
  }
  if (is_quantized(tensor) && tensor.quantization.per_channel())
    return bad_tensor(tensor, "an activation with one scale a channel", Code::kUnsupported);
  return {};
}

Result<void> require_integers(const Tensor& tensor) {
  if (tensor.spec.dtype == DType::kI32 || tensor.spec.dtype == DType::kI64) return {};
  return bad_tensor(tensor, fmt::format("{} where i32 or i64 is needed", name_of(tensor.spec.dtype)),
                    Code::kUnsupported);
}

Result<void> require_one_element(const Tensor& tensor) {
  if (tensor.spec.shape.elements() == 1) return {};
  return bad_tensor(tensor, fmt::format("shape {} where one value is needed", tensor.spec.shape.to_text()));
}

Result<void> check_quantized_like_input(const NodeView& node) {
  if (!node.has_output(0) || !is_quantized(node.input(0))) return {};
  return require_kind(node.output(), kQuantized | kQuantized16);
}

Result<void> check_same_scale(const NodeView& node) {
  if (!node.has_output(0) || !is_quantized(node.input(0))) return {};
  if (node.input(0).quantization == node.output().quantization) return {};
  return bad_tensor(node.output(), "this op does not change the scale", Code::kUnsupported);
}

Result<void> require_clamp(Activation activation) {
  if (activation != Activation::kTanh) return {};
  return fail(Code::kUnsupported, "bad node", "attributes", "a fused tanh is not computed here");
}

Result<void> require_not_empty(const Tensor& tensor) {
  if (tensor.spec.shape.elements() > 0) return {};
  return bad_tensor(tensor, fmt::format("shape {} has no elements", tensor.spec.shape.to_text()));
}

namespace {

Result<void> require_bias(const NodeView& node, std::int64_t channels) {
  if (!node.has_input(2)) return {};
  const Tensor& bias = node.input(2);
  const bool wide = node.input(0).spec.dtype == DType::kI16 && bias.spec.dtype == DType::kI64;
  if (!wide) LICHEN_TRY(require_dtype(bias, node.input(0).spec.dtype == DType::kF32 ? DType::kF32 : DType::kI32));
  if (bias.spec.shape.elements() != channels) {
    return bad_tensor(bias, fmt::format("bias {} for {} output channels", bias.spec.shape.to_text(), channels));
  }
  return {};
}

// Layers that take i16 by i8 weights.
bool takes_words(Op op) {
  return op == Op::kConv2D || op == Op::kDepthwiseConv2D || op == Op::kFullyConnected || op == Op::kTransposeConv2D;
}

}  // namespace

bool is_hybrid(const NodeView& node) {
  const Op op = node.node().op;
  const bool may = op == Op::kConv2D || op == Op::kDepthwiseConv2D || op == Op::kFullyConnected;
  return may && node.input(0).spec.dtype == DType::kF32 && node.input(1).spec.dtype == DType::kI8;
}

Result<void> require_weights(const NodeView& node, std::size_t axis, std::int64_t channels) {
  const Tensor& input = node.input(0);
  const Tensor& weights = node.input(1);
  const bool words = takes_words(node.node().op) && input.spec.dtype == DType::kI16;
  const bool hybrid = is_hybrid(node);
  LICHEN_TRY(words ? require_words(input) : require_activation_type(input));
  if (words) LICHEN_TRY(require_dtype(weights, DType::kI8));
  if (!words && !hybrid) LICHEN_TRY(require_same_type(weights, input));
  for (const Tensor* tensor : {&input, &weights}) LICHEN_TRY(require_not_empty(*tensor));
  if (input.spec.dtype != DType::kF32 || hybrid) {
    if (weights.quantization.empty()) return bad_tensor(weights, "integer weights without a scale");
    if (weights.quantization.per_channel()) {
      if (weights.quantization.axis != axis)
        return bad_tensor(weights, fmt::format("scales along axis {}, not {}", weights.quantization.axis, axis));
      const std::int32_t first = weights.quantization.zero_point(0);
      if (std::ranges::any_of(weights.quantization.zero_points, [&](std::int32_t z) { return z != first; })) {
        return bad_tensor(weights, "weights with several zero points", Code::kUnsupported);
      }
    }
  }
  if (hybrid && weights.quantization.zero_point() != 0)
    return bad_tensor(weights, "i8 weights of an f32 layer with a zero point", Code::kUnsupported);
  if (words && weights.quantization.zero_point() != 0)
    return bad_tensor(weights, "i8 weights of an i16 layer with a zero point", Code::kUnsupported);
  return require_bias(node, channels);
}

Result<void> check_activation_output(const NodeView& node) {
  return require_activation_or_words(node.output());
}

Result<void> check_unary(const NodeView& node) {
  return require_activation_type(node.input(0));
}

Result<OutputTypes> infer_same(const NodeView& node) {
  return output_like(node, node.input(0).spec.shape);
}

OutputTypes output_like(const NodeView& node, tensor::Shape shape) {
  return output_of(node.input(0).spec.dtype, shape);
}

OutputTypes output_of(DType dtype, tensor::Shape shape) {
  return {{dtype, shape, false}};
}

Result<OutputTypes> output_like(const NodeView& node, std::span<const std::int64_t> dims) {
  return output_like(node, LICHEN_TRY(tensor::Shape::make(dims, node.node().name)));
}

std::int64_t output_elements(const NodeView& node) {
  return node.output().spec.shape.elements();
}

Result<tensor::Shape> broadcast(const NodeView& node, const tensor::Shape& a, const tensor::Shape& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, tensor::kRankMax> dims{};
  for (std::size_t i = 0; i < rank; ++i) {  // aligned at the last dimension
    const std::int64_t da = i < a.rank() ? a[a.rank() - 1 - i] : 1;
    const std::int64_t db = i < b.rank() ? b[b.rank() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1) {
      return fail(Code::kBadInput, "bad node", "inputs",
                  fmt::format("shape {} does not go with {}", b.to_text(), a.to_text()));
    }
    dims[rank - 1 - i] = da == 1 ? db : da;
  }
  return tensor::Shape::make(std::span(dims).first(rank), node.node().name);
}

Result<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis < -r || axis >= r) return bad_attribute(fmt::format("axis {} of rank {}", axis, rank));
  return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
}

}  // namespace lichen::graph
