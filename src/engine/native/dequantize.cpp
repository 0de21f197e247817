// SPDX-License-Identifier: Apache-2.0
#include "engine/native/builders.hpp"
#include "graph/ops/checks.hpp"
#include "kernels/reference/quantize.hpp"

namespace lichen::engine {
namespace {

template <typename T>
StepResult build_from(const BuildContext& context) {
  const auto count = static_cast<std::size_t>(context.node.output().spec.shape.elements());
  const tensor::Quantization& in = context.node.input(0).quantization;
  return make_step("dequantize reference", 0,
                   [count, scale = in.scale(), zero_point = in.zero_point()](const StepBuffers& b) {
                     kernels::reference::dequantize<T>(std::span(b.in<T>(0), count), scale, zero_point, b.out<float>());
                   });
}

}  // namespace

StepResult build_dequantize(const BuildContext& context) {
  if (context.node.input(0).spec.dtype != tensor::DType::kF32 && !graph::is_quantized(context.node.input(0)))
    return not_computed(context);
  if (context.node.input(0).quantization.per_channel()) return not_computed(context);
  if (context.node.input(0).spec.dtype == tensor::DType::kI16) return not_computed(context);
  if (context.node.input(0).quantization.per_channel()) return not_computed(context);
  if (context.node.input(0).spec.dtype == tensor::DType::kI8) return build_from<std::int8_t>(context);
  return build_from<std::uint8_t>(context);
}

}  // namespace lichen::engine
