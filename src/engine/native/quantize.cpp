// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/quantize.hpp"

#include <array>

#include "engine/native/builders.hpp"

namespace lichen::engine {
namespace {

template <typename In, typename Out>
StepResult build_requantize(const BuildContext& context, std::size_t count) {
  const tensor::Quantization& in = context.node.input(0).quantization;
  const tensor::Quantization& out = context.node.output().quantization;
  const auto m = LICHEN_TRY(kernels::quantize_multiplier(double{in.scale()} / double{out.scale()}));
  return make_step("requantize reference", 0,
                   [m, count, from = in.zero_point(), to = out.zero_point()](const StepBuffers& b) {
                     kernels::reference::requantize<In, Out>(std::span(b.in<In>(0), count), from, m, to, b.out<Out>());
                   });
}

template <typename Out>
StepResult build_to(const BuildContext& context) {
  const auto count = static_cast<std::size_t>(context.node.output().spec.shape.elements());
  switch (context.node.input(0).spec.dtype) {
    case tensor::DType::kI8:
      return build_requantize<std::int8_t, Out>(context, count);
    case tensor::DType::kU8:
      return build_requantize<std::uint8_t, Out>(context, count);
    default:
      break;
  }
  const tensor::Quantization& out = context.node.output().quantization;
  return make_step(
      "quantize reference", 0, [count, scale = out.scale(), zero_point = out.zero_point()](const StepBuffers& b) {
        kernels::reference::quantize<Out>(std::span(b.in<float>(0), count), scale, zero_point, b.out<Out>());
      });
}

}  // namespace

static StepResult build_quantize(const BuildContext& context) {
  if (context.node.input(0).spec.dtype == tensor::DType::kI16 ||
      context.node.output().spec.dtype == tensor::DType::kI16)
    return not_computed(context);
  if (context.node.output().spec.dtype == tensor::DType::kI8) return build_to<std::int8_t>(context);
  return build_to<std::uint8_t>(context);
}

namespace {
constexpr std::array kBuilders = {Builder{graph::Op::kQuantize, build_quantize},
                                  Builder{graph::Op::kDequantize, build_dequantize}};
}  // namespace

std::span<const Builder> quantize_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
