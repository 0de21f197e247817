// SPDX-License-Identifier: Apache-2.0
// Relu and Relu6 as nodes of their own.
#include "kernels/reference/relu.hpp"

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {
namespace {

template <typename T>
StepResult build_integer(const BuildContext& context, std::size_t count, graph::Activation activation) {
  const tensor::Quantization& in = context.node.input(0).quantization;
  const graph::Tensor& output = context.node.output();
  const std::int32_t in_zero_point = in.zero_point();
  const std::int32_t out_zero_point = output.quantization.zero_point();
  const auto m = LICHEN_TRY(
      kernels::quantize_multiplier(double{in.scale() / output.quantization.scale()}));  // in float, as LiteRT
  const kernels::IntegerClamp clamp = clamp_of(activation, output);
  return make_step(std::is_signed_v<T> ? "relu i8 reference" : "relu u8 reference", 0, [=](const StepBuffers& b) {
    kernels::reference::clamp(std::span(b.in<T>(0), count), in_zero_point, m, out_zero_point, clamp, b.out<T>());
  });
}

}  // namespace

StepResult build_relu(const BuildContext& context) {
  if (context.node.input(0).spec.dtype != tensor::DType::kF32 && !graph::is_quantized(context.node.input(0)))
    return not_computed(context);
  if (context.node.input(0).spec.dtype == tensor::DType::kI16) return not_computed(context);
  const bool six = context.node.node().op == graph::Op::kRelu6;
  const graph::Activation activation = six ? graph::Activation::kRelu6 : graph::Activation::kRelu;
  const auto count = static_cast<std::size_t>(context.node.output().spec.shape.elements());
  switch (context.node.output().spec.dtype) {
    case tensor::DType::kI8:
      return build_integer<std::int8_t>(context, count, activation);
    case tensor::DType::kU8:
      return build_integer<std::uint8_t>(context, count, activation);
    default:
      break;
  }
  const kernels::FloatRange range = range_of(activation);
  return make_step("relu f32 reference", 0, [count, range](const StepBuffers& b) {
    kernels::reference::clamp(std::span(b.in<float>(0), count), range, b.out<float>());
  });
}

}  // namespace lichen::engine
