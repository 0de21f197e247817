// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/fully_connected.hpp"
#include "kernels/reference/hybrid.hpp"

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "engine/native/words.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {
namespace {

template <typename T>
StepResult build_integer(const BuildContext& context, const kernels::MatrixSize& m, graph::Activation activation) {
  const bool per_channel = context.node.input(1).quantization.per_channel();
  auto q = LICHEN_TRY(weighted_quantization(context.node, activation, static_cast<std::size_t>(m.units),
                                            per_channel ? ScaleProduct::kDouble : ScaleProduct::kFloat));
  if constexpr (kHasVectorKernels) {
    if (wants_vector(context) && can_pack(context.node) &&
        (!rounds_to_even(context.node) || context.cpu.avx512_vnni))
      return vector_fully_connected<T>(context, m, q);
  }
  return make_step(std::is_signed_v<T> ? "fully_connected i8 reference" : "fully_connected u8 reference", 0,
                   [m, q = std::move(q)](const StepBuffers& b) {
                     kernels::reference::fully_connected(m, b.in<T>(0), b.in<T>(1), b.in<std::int32_t>(2),
                                                         q.requantization(), b.out<T>());
                   });
}

StepResult build_words(const BuildContext& context, const kernels::MatrixSize& m, graph::Activation activation) {
  if (rounds_to_even(context.node)) return not_computed(context);
  const tensor::Quantization& weights = context.node.input(1).quantization;
  const double in = double{context.node.input(0).quantization.scale()};
  std::vector<double> scales;
  for (std::size_t unit = 0; unit < static_cast<std::size_t>(m.units); ++unit)
    scales.push_back(in * double{weights.scale(unit)} / double{context.node.output().quantization.scale()});
  const kernels::IntegerClamp clamp = clamp_of(activation, context.node.output());
  return with_sum_type(context.node, [&]<typename Sum>(Type<Sum>) -> StepResult {
    return make_step("fully_connected i16 reference", 0, [m, clamp, scales = std::move(scales)](const StepBuffers& b) {
      kernels::reference::fully_connected(m, b.in<std::int16_t>(0), b.in<std::int8_t>(1), b.in<Sum>(2), scales, clamp,
                                          b.out<std::int16_t>());
    });
  });
}

}  // namespace

StepResult build_fully_connected(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::FullyConnectedAttributes>();
  const tensor::Shape& weights = context.node.input(1).spec.shape;
  const kernels::MatrixSize m{context.node.input(0).spec.shape.elements() / weights[1], weights[0], weights[1]};
  switch (context.node.input(0).spec.dtype) {
    case tensor::DType::kI8:
      return build_integer<std::int8_t>(context, m, a.activation);
    case tensor::DType::kU8:
      return build_integer<std::uint8_t>(context, m, a.activation);
    case tensor::DType::kI16:
      return build_words(context, m, a.activation);
    default:
      break;
  }
  const kernels::FloatRange range = range_of(a.activation);
  if (graph::is_hybrid(context.node)) {
    return make_step("fully_connected f32*i8 reference", static_cast<std::size_t>(m.depth),
                     [m, range, asymmetric = a.asymmetric_inputs,
                      scales = context.node.input(1).quantization.scales](const StepBuffers& b) {
                       kernels::reference::fully_connected_hybrid(
                           m, b.in<float>(0), b.in<std::int8_t>(1), scales, b.in<float>(2), asymmetric, range,
                           reinterpret_cast<std::int8_t*>(b.scratch), b.out<float>());
                     });
  }
  if constexpr (kHasVectorKernels) {
    if (wants_vector(context) && can_pack(context.node)) return vector_fully_connected_f32(context, m, range);
  }
  return make_step("fully_connected f32 reference", 0, [m, range](const StepBuffers& b) {
    kernels::reference::fully_connected(m, b.in<float>(0), b.in<float>(1), b.in<float>(2), range, b.out<float>());
  });
}

}  // namespace lichen::engine
