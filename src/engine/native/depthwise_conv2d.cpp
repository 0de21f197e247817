// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/depthwise_conv2d.hpp"
#include "kernels/reference/hybrid.hpp"

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "engine/native/window.hpp"
#include "engine/native/words.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {
namespace {

// Several output channels for each of several input channels are left to the reference kernel.
bool vectorizes(const BuildContext& context, const kernels::Window2D& w) {
  return wants_vector(context, w) && w.in_c == w.out_c;
}

template <typename T>
StepResult build_integer(const BuildContext& context, const kernels::Window2D& w, graph::Activation activation) {
  const ScaleProduct product = std::is_signed_v<T> ? ScaleProduct::kDouble : ScaleProduct::kFloat;
  auto q = LICHEN_TRY(weighted_quantization(context.node, activation, static_cast<std::size_t>(w.out_c), product));
  if constexpr (kHasVectorKernels) {
    constexpr kernels::Index kTapsMax = 256;  // of the byte kernels, which alone know both ways of rounding
    const bool rounds =
        !rounds_to_even(context.node) || (context.cpu.avx512_vnni && w.filter_h * w.filter_w <= kTapsMax);
    if (rounds && w.in_c == 1 && wants_vector(context, w)) return vector_single_channel<T>(context, w, q);
    if (rounds && vectorizes(context, w)) return vector_depthwise_conv2d<T>(context, w, q);
  }
  return make_step(std::is_signed_v<T> ? "depthwise_conv2d i8 reference" : "depthwise_conv2d u8 reference", 0,
                   [w, q = std::move(q)](const StepBuffers& b) {
                     kernels::reference::depthwise_conv2d(w, b.in<T>(0), b.in<T>(1), b.in<std::int32_t>(2),
                                                          q.requantization(), b.out<T>());
                   });
}

StepResult build_words(const BuildContext& context, const kernels::Window2D& w, graph::Activation activation) {
  auto q = LICHEN_TRY(words_quantization(context, activation, static_cast<std::size_t>(w.out_c)));
  return with_sum_type(context.node, [&]<typename Sum>(Type<Sum>) -> StepResult {
    return make_step("depthwise_conv2d i16 reference", 0, [w, q = std::move(q)](const StepBuffers& b) {
      kernels::reference::depthwise_conv2d(w, b.in<std::int16_t>(0), b.in<std::int8_t>(1), b.in<Sum>(2), q.requantization(),
                                  b.out<std::int16_t>());
    });
  });
}

}  // namespace

StepResult build_depthwise_conv2d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::DepthwiseConv2DAttributes>();
  const tensor::Shape& weights = context.node.input(1).spec.shape;
  const auto w = LICHEN_TRY(window_of(context.node, a, weights[1], weights[2]));
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
  const kernels::FloatRange range = range_of(a.activation);
  if (graph::is_hybrid(context.node)) {
    const auto bytes = static_cast<std::size_t>(w.in_h * w.in_w * w.in_c);
    return make_step("depthwise_conv2d f32*i8 reference", bytes,
                     [w, range, scales = context.node.input(1).quantization.scales](const StepBuffers& b) {
                       kernels::reference::depthwise_conv2d_hybrid(
                           w, b.in<float>(0), b.in<std::int8_t>(1), scales, b.in<float>(2), range,
                           reinterpret_cast<std::int8_t*>(b.scratch), b.out<float>());
                     });
  }
  if constexpr (kHasVectorKernels) {
    if (w.in_c == 1 && wants_vector(context, w)) return vector_single_channel_f32(context, w, range);
    if (vectorizes(context, w)) return vector_depthwise_conv2d_f32(context, w, range);
  }
  return make_step("depthwise_conv2d f32 reference", 0, [w, range](const StepBuffers& b) {
    kernels::reference::depthwise_conv2d(w, b.in<float>(0), b.in<float>(1), b.in<float>(2), range, b.out<float>());
  });
}

}  // namespace lichen::engine
