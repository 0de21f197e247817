// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/conv2d.hpp"
#include "kernels/reference/hybrid.hpp"

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "engine/native/window.hpp"
#include "engine/native/words.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {
namespace {

template <typename T>
StepResult build_integer(const BuildContext& context, const kernels::Window2D& w, graph::Activation activation) {
  const ScaleProduct product = std::is_signed_v<T> ? ScaleProduct::kDouble : ScaleProduct::kFloat;
  auto q = LICHEN_TRY(weighted_quantization(context.node, activation, static_cast<std::size_t>(w.out_c), product));
  if constexpr (kHasVectorKernels) {
    if (wants_vector(context, w) && (!rounds_to_even(context.node) || context.cpu.avx512_vnni)) return vector_conv2d<T>(context, w, q);
  }
  return make_step(std::is_signed_v<T> ? "conv2d i8 reference" : "conv2d u8 reference", 0,
                   [w, q = std::move(q)](const StepBuffers& b) {
                     kernels::reference::conv2d(w, b.in<T>(0), b.in<T>(1), b.in<std::int32_t>(2), q.requantization(),
                                                b.out<T>());
                   });
}

StepResult build_hybrid(const BuildContext& context, const kernels::Window2D& w, graph::Activation activation) {
  if (context.node.input(1).quantization.per_channel()) {
    const kernels::FloatRange range = range_of(activation);
    const auto bytes = static_cast<std::size_t>(w.in_h * w.in_w * w.in_c);
    return make_step("conv2d f32*i8 channels reference", bytes,
                     [w, range, scales = context.node.input(1).quantization.scales](const StepBuffers& b) {
                       kernels::reference::conv2d_hybrid_channels(
                           w, b.in<float>(0), b.in<std::int8_t>(1), scales, b.in<float>(2), range,
                           reinterpret_cast<std::int8_t*>(b.scratch), b.out<float>());
                     });
  }
  if constexpr (kHasVectorKernels) {
    if (wants_vector(context, w)) return vector_conv2d_hybrid(context, w, range_of(activation));
  }
  const float scale = context.node.input(1).quantization.scale();
  const kernels::FloatRange range = range_of(activation);
  const auto image_bytes = static_cast<std::size_t>(w.in_h * w.in_w * w.in_c);
  return make_step("conv2d f32*i8 reference", image_bytes, [w, scale, range](const StepBuffers& b) {
    kernels::reference::conv2d_hybrid(w, b.in<float>(0), b.in<std::int8_t>(1), scale, b.in<float>(2), range,
                                      reinterpret_cast<std::int8_t*>(b.scratch), b.out<float>());
  });
}

StepResult build_words(const BuildContext& context, const kernels::Window2D& w, graph::Activation activation) {
  auto q = LICHEN_TRY(words_quantization(context, activation, static_cast<std::size_t>(w.out_c)));
  return with_sum_type(context.node, [&]<typename Sum>(Type<Sum>) -> StepResult {
    return make_step("conv2d i16 reference", 0, [w, q = std::move(q)](const StepBuffers& b) {
      kernels::reference::conv2d(w, b.in<std::int16_t>(0), b.in<std::int8_t>(1), b.in<Sum>(2), q.requantization(),
                                  b.out<std::int16_t>());
    });
  });
}

}  // namespace

StepResult build_conv2d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::Conv2DAttributes>();
  const tensor::Shape& weights = context.node.input(1).spec.shape;
  auto w = LICHEN_TRY(window_of(context.node, a, weights[1], weights[2]));
  w.groups = w.in_c / weights[3];
  switch (context.node.input(0).spec.dtype) {
    case tensor::DType::kI8:
      return build_integer<std::int8_t>(context, w, a.activation);
    case tensor::DType::kU8:
      return build_integer<std::uint8_t>(context, w, a.activation);
    case tensor::DType::kI16:
      return build_words(context, w, a.activation);
    default:
      break;
  }
  if (graph::is_hybrid(context.node)) return build_hybrid(context, w, a.activation);
  const kernels::FloatRange range = range_of(a.activation);
  if constexpr (kHasVectorKernels) {
    if (wants_vector(context, w)) return vector_conv2d_f32(context, w, range);
  }
  return make_step("conv2d f32 reference", 0, [w, range](const StepBuffers& b) {
    kernels::reference::conv2d(w, b.in<float>(0), b.in<float>(1), b.in<float>(2), range, b.out<float>());
  });
}

}  // namespace lichen::engine
