// SPDX-License-Identifier: Apache-2.0
#include "engine/native/vector.hpp"

#if LICHEN_KERNELS_AVX2

#include "kernels/avx2/depthwise_conv2d.hpp"
#include "kernels/avx2/image.hpp"
#include "kernels/depthwise_panels.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;

constexpr Index kFloatBlock = 8;

struct Source {
  kernels::Window2D window;
  kernels::PaddedImage image;
  kernels::PixelGrid grid;
  kernels::Pattern taps;
};

Source source_of(const kernels::Window2D& w, Index block) {
  const kernels::PaddedImage image = kernels::padded_image(w, block);
  return {w, image, kernels::pixel_grid(w, image), kernels::taps_of(w, image)};
}

template <typename T>
std::span<const T> constant_of(const graph::NodeView& node, std::size_t input) {
  return node.has_input(input) ? node.input(input).constant->as<T>() : std::span<const T>();
}

}  // namespace

StepResult vector_depthwise_conv2d_f32(const BuildContext& context, const kernels::Window2D& w,
                                       kernels::FloatRange range) {
  Source s = source_of(w, kFloatBlock);
  const Index taps = w.filter_h * w.filter_w;
  const Index padded = kernels::depthwise_channels(w.out_c, kFloatBlock);
  LICHEN_TRY(context.budget.take(static_cast<std::size_t>(taps * padded) * sizeof(float)));
  auto packed = kernels::pack_depthwise_f32(constant_of<float>(context.node, 1).data(), taps, w.out_c);
  auto bias = kernels::padded_bias(context.node.has_input(2) ? constant_of<float>(context.node, 2).data() : nullptr,
                                   w.out_c, padded);
  const std::size_t scratch =
      s.image.is_input ? 0 : static_cast<std::size_t>(s.image.elements(w.batch)) * sizeof(float);
  return make_step("depthwise_conv2d f32 avx2", scratch,
                   [s = std::move(s), packed = std::move(packed), bias = std::move(bias), range](const StepBuffers& b) {
                     const float* image = b.in<float>(0);
                     if (!s.image.is_input) {
                       auto* to = reinterpret_cast<float*>(b.scratch);
                       kernels::avx2::pad_image(s.window, s.image, image, 0, s.window.batch * s.image.height, to);
                       image = to;
                     }
                     kernels::avx2::depthwise_conv2d_f32(s.grid, view_of(s.taps), image, packed.data(), bias.data(),
                                                         s.window.out_c, range, b.out<float>());
                   });
}

template <typename T>
StepResult vector_depthwise_conv2d(const BuildContext& context, const kernels::Window2D& w,
                                   const WeightedQuantization& q) {
  Source s = source_of(w, kernels::kDepthwiseBlock);
  s.image.is_input = false;  // values are widened in any case
  const Index taps = w.filter_h * w.filter_w;
  const Index padded = kernels::depthwise_channels(w.out_c, kernels::kDepthwiseBlock);
  LICHEN_TRY(context.budget.take(static_cast<std::size_t>((taps + 1) * padded) * sizeof(std::int16_t)));
  auto packed =
      kernels::pack_depthwise_i16(constant_of<T>(context.node, 1).data(), q.base.weights_zero_point, taps, w.out_c);
  auto bias = constant_of<std::int32_t>(context.node, 2).empty()
                  ? kernels::AlignedVector<std::int32_t>(static_cast<std::size_t>(padded), 0)
                  : kernels::unpacked_order(constant_of<std::int32_t>(context.node, 2));
  const kernels::VectorMultipliers split = kernels::split_multipliers(q.multipliers, w.out_c);
  kernels::VectorMultipliers multipliers{kernels::unpacked_order(split.values), kernels::unpacked_order(split.lefts),
                                         kernels::unpacked_order(split.rights)};
  constexpr std::size_t kSlack = 2;
  const std::size_t scratch = (static_cast<std::size_t>(s.image.elements(w.batch)) + kSlack) * sizeof(std::int16_t);
  return make_step(std::is_signed_v<T> ? "depthwise_conv2d i8 avx2" : "depthwise_conv2d u8 avx2", scratch,
                   [s = std::move(s), packed = std::move(packed), bias = std::move(bias),
                    multipliers = std::move(multipliers), base = q.base](const StepBuffers& b) {
                     auto* image = reinterpret_cast<std::int16_t*>(b.scratch);
                     kernels::avx2::widen_image(s.window, s.image, b.in<T>(0), base.in_zero_point, 0,
                                                s.window.batch * s.image.height, image);
                     const kernels::IntegerOutput output{bias.data(), view_of(multipliers), base.out_zero_point,
                                                         base.clamp, false, false};
                     kernels::avx2::depthwise_conv2d_i16(s.grid, view_of(s.taps), image, packed.data(), s.window.out_c,
                                                         output, b.out<T>());
                   });
}

template StepResult vector_depthwise_conv2d<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                                         const WeightedQuantization&);
template StepResult vector_depthwise_conv2d<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                          const WeightedQuantization&);

}  // namespace lichen::engine

#endif
