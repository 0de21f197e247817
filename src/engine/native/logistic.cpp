// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/logistic.hpp"

#include "engine/native/builders.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {
namespace {

template <typename T>
std::unique_ptr<Step> step_of(const BuildContext& context, std::size_t count) {
  const tensor::Quantization& in = context.node.input(0).quantization;
  const tensor::Quantization& out = context.node.output().quantization;
  const auto table = kernels::reference::logistic_table<T>(in.scale(), in.zero_point(), out.scale(), out.zero_point());
  return make_step("logistic table", 0, [count, table](const StepBuffers& b) {
    kernels::reference::look_up(std::span(b.in<std::uint8_t>(0), count), table, b.out<std::uint8_t>());
  });
}

}  // namespace

StepResult build_logistic(const BuildContext& context) {
  if (context.node.input(0).spec.dtype != tensor::DType::kF32 && !graph::is_quantized(context.node.input(0)))
    return not_computed(context);
  if (context.node.input(0).spec.dtype == tensor::DType::kI16) return not_computed(context);
  const auto count = static_cast<std::size_t>(context.node.output().spec.shape.elements());
  switch (context.node.output().spec.dtype) {
    case tensor::DType::kI8:
      return step_of<std::int8_t>(context, count);
    case tensor::DType::kU8:
      return step_of<std::uint8_t>(context, count);
    default:
      break;
  }
  return make_step("logistic f32 reference", 0, [count](const StepBuffers& b) {
    kernels::reference::logistic(std::span(b.in<float>(0), count), b.out<float>());
  });
}

}  // namespace lichen::engine
