// SPDX-License-Identifier: Apache-2.0
#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "graph/ops/checks.hpp"
#include "kernels/reference/binary.hpp"

namespace lichen::engine {
namespace {

template <typename T>
StepResult build_integer(const BuildContext& context, const kernels::reference::Broadcast& shape,
                         graph::Activation activation) {
  const tensor::Quantization& x = context.node.input(0).quantization;
  const tensor::Quantization& y = context.node.input(1).quantization;
  const tensor::Quantization& out = context.node.output().quantization;
  kernels::reference::MulQuantized q;
  q.zero_point_a = x.zero_point();
  q.zero_point_b = y.zero_point();
  q.zero_point_out = out.zero_point();
  q.multiplier =
      LICHEN_TRY(kernels::quantize_multiplier(double{x.scale() * y.scale() / out.scale()}));  // in float, as LiteRT
  q.clamp = clamp_of(activation, context.node.output());
  if constexpr (kHasVectorKernels) {
    if (auto step = vector_mul<T>(context, shape, q)) return step;
  }
  return make_step(std::is_signed_v<T> ? "mul i8 reference" : "mul u8 reference", 0, [shape, q](const StepBuffers& b) {
    kernels::reference::mul(shape, b.in<T>(0), b.in<T>(1), q, b.out<T>());
  });
}

}  // namespace

StepResult build_mul(const BuildContext& context) {
  if (context.node.input(0).spec.dtype != tensor::DType::kF32 && !graph::is_quantized(context.node.input(0)))
    return not_computed(context);
  if (context.node.input(0).spec.dtype == tensor::DType::kI16) return not_computed(context);
  const graph::NodeView& node = context.node;
  const graph::Activation activation = node.attributes<graph::ElementwiseAttributes>().activation;
  const auto shape =
      kernels::reference::broadcast_of(node.input(0).spec.shape, node.input(1).spec.shape, node.output().spec.shape);
  switch (node.output().spec.dtype) {
    case tensor::DType::kI8:
      return build_integer<std::int8_t>(context, shape, activation);
    case tensor::DType::kU8:
      return build_integer<std::uint8_t>(context, shape, activation);
    default:
      break;
  }
  const kernels::FloatRange range = range_of(activation);
  if constexpr (kHasVectorKernels) {
    if (auto step = vector_mul(context, shape, range)) return step;
  }
  return make_step("mul f32 reference", 0, [shape, range](const StepBuffers& b) {
    kernels::reference::mul(shape, b.in<float>(0), b.in<float>(1), range, b.out<float>());
  });
}

}  // namespace lichen::engine
