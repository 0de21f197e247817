// SPDX-License-Identifier: Apache-2.0
#include "kernels/neon/depthwise_conv2d.hpp"

#include "engine/native/sharing.hpp"
#include "engine/native/vector.hpp"
#include "kernels/depthwise_panels.hpp"
#include "kernels/dot_panels.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;

// Rows of output for each part: what they multiply and add.
Index rows_a_part(const kernels::Window2D& w, Index macs_a_part) {
  const Index macs = w.out_w * w.out_c * w.filter_h * w.filter_w;
  return std::max<Index>(1, macs_a_part / std::max<Index>(1, macs));
}

template <typename T>
const T* constant_of(const graph::NodeView& node, std::size_t input) {
  return node.has_input(input) ? node.input(input).constant->as<T>().data() : nullptr;
}

}  // namespace

StepResult vector_depthwise_conv2d_f32(const BuildContext& context, const kernels::Window2D& w,
                                       kernels::FloatRange range) {
  const Index taps = w.filter_h * w.filter_w;
  const Index padded = kernels::depthwise_channels(w.out_c, kernels::neon::kFloatBlock);
  LICHEN_TRY(context.budget.take(static_cast<std::size_t>(taps * padded) * sizeof(float)));
  auto packed =
      kernels::pack_depthwise_f32(constant_of<float>(context.node, 1), taps, w.out_c, kernels::neon::kFloatBlock);
  auto bias = kernels::padded_bias(constant_of<float>(context.node, 2), w.out_c, padded);
  return make_step("depthwise_conv2d f32 neon", 0,
                   [w, packed = std::move(packed), bias = std::move(bias), range,
                    grain = rows_a_part(w, kFloatMacsAPart / 4)](const StepBuffers& b) {
                     b.threads->parallel_for(w.batch * w.out_h, grain, [&](Index begin, Index end) {
                       kernels::neon::depthwise_conv2d_f32(w, b.in<float>(0), packed.data(), bias.data(), range, begin,
                                                           end, b.out<float>());
                     });
                   });
}

template <typename T>
StepResult vector_depthwise_conv2d(const BuildContext& context, const kernels::Window2D& w,
                                   const WeightedQuantization& q) {
  const Index taps = w.filter_h * w.filter_w;
  const Index padded = kernels::panel_channels(w.out_c, kernels::kDepthwiseWords);
  LICHEN_TRY(context.budget.take(static_cast<std::size_t>(taps * padded) * sizeof(std::int16_t)));
  auto packed =
      kernels::pack_depthwise_words(constant_of<T>(context.node, 1), q.base.weights_zero_point, taps, w.out_c);
  auto bias = kernels::padded_bias(constant_of<std::int32_t>(context.node, 2), w.out_c, padded);
  auto multipliers = kernels::split_multipliers(q.multipliers, padded);
  return make_step(std::is_signed_v<T> ? "depthwise_conv2d i8 neon" : "depthwise_conv2d u8 neon", 0,
                   [w, packed = std::move(packed), bias = std::move(bias), multipliers = std::move(multipliers),
                    base = q.base, grain = rows_a_part(w, kIntegerMacsAPart / 4)](const StepBuffers& b) {
                     const kernels::IntegerOutput output{bias.data(), view_of(multipliers), base.out_zero_point,
                                                         base.clamp, false};
                     b.threads->parallel_for(w.batch * w.out_h, grain, [&](Index begin, Index end) {
                       kernels::neon::depthwise_conv2d_i16(w, b.in<T>(0), base.in_zero_point, packed.data(), output,
                                                           begin, end, b.out<T>());
                     });
                   });
}

template StepResult vector_depthwise_conv2d<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                                         const WeightedQuantization&);
template StepResult vector_depthwise_conv2d<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                          const WeightedQuantization&);

}  // namespace lichen::engine
