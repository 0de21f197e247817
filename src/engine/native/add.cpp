// SPDX-License-Identifier: Apache-2.0
#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "graph/ops/checks.hpp"
#include "kernels/reference/binary.hpp"

namespace lichen::engine {
namespace {

// Both inputs are brought to twice the larger of their scales: LiteRT's PrepareGeneralSub and add.
Result<kernels::reference::AddQuantized> quantized_of(const graph::NodeView& node, graph::Activation activation) {
  const tensor::Quantization& a = node.input(0).quantization;
  const tensor::Quantization& b = node.input(1).quantization;
  const tensor::Quantization& out = node.output().quantization;
  const double twice_larger = double{2 * std::max(a.scale(), b.scale())};
  const double out_step = double{static_cast<float>(1 << kernels::reference::kAddLeftShift) * out.scale()};
  kernels::reference::AddQuantized q;
  q.zero_point_a = a.zero_point();
  q.zero_point_b = b.zero_point();
  q.zero_point_out = out.zero_point();
  q.multiplier_a = LICHEN_TRY(kernels::quantize_multiplier(double{a.scale()} / twice_larger));
  q.multiplier_b = LICHEN_TRY(kernels::quantize_multiplier(double{b.scale()} / twice_larger));
  q.multiplier_out = LICHEN_TRY(kernels::quantize_multiplier(twice_larger / out_step));
  q.clamp = clamp_of(activation, node.output());
  return q;
}

template <typename T>
StepResult build_integer(const BuildContext& context, const kernels::reference::Broadcast& shape,
                         graph::Activation activation) {
  const auto q = LICHEN_TRY(quantized_of(context.node, activation));
  if constexpr (kHasVectorKernels) {
    if (auto step = vector_add<T>(context, shape, q)) return step;
  }
  return make_step(std::is_signed_v<T> ? "add i8 reference" : "add u8 reference", 0, [shape, q](const StepBuffers& b) {
    kernels::reference::add(shape, b.in<T>(0), b.in<T>(1), q, b.out<T>());
  });
}

}  // namespace

StepResult build_add(const BuildContext& context) {
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
    if (auto step = vector_add(context, shape, range)) return step;
  }
  return make_step("add f32 reference", 0, [shape, range](const StepBuffers& b) {
    kernels::reference::add(shape, b.in<float>(0), b.in<float>(1), range, b.out<float>());
  });
}

}  // namespace lichen::engine
