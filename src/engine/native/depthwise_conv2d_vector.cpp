// SPDX-License-Identifier: Apache-2.0
#include "engine/native/vector.hpp"

#if LICHEN_KERNELS_AVX2

#include <vector>

#include "engine/native/sharing.hpp"
#include "kernels/avx2/depthwise_conv2d.hpp"
#include "kernels/avx2/image.hpp"
#include "kernels/avx512/depthwise_conv2d.hpp"
#include "kernels/depthwise_panels.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;

constexpr Index kFloatBlock = 8;
constexpr Index kWideFloatBlock = 16;

// Rows of output for each part: what they multiply and add.
Index rows_a_part(const kernels::Window2D& w, Index macs_a_part) {
  const Index macs = w.out_w * w.out_c * w.filter_h * w.filter_w;
  return std::max<Index>(1, macs_a_part / std::max<Index>(1, macs));
}

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

namespace {

StepResult narrow_float_step(const BuildContext& context, const kernels::Window2D& w, kernels::FloatRange range) {
  Source s = source_of(w, kFloatBlock);
  const Index taps = w.filter_h * w.filter_w;
  const Index padded = kernels::depthwise_channels(w.out_c, kFloatBlock);
  LICHEN_TRY(context.budget.take(static_cast<std::size_t>(taps * padded) * sizeof(float)));
  auto packed = kernels::pack_depthwise_f32(constant_of<float>(context.node, 1).data(), taps, w.out_c, kFloatBlock);
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

StepResult wide_float_step(const BuildContext& context, const kernels::Window2D& w, kernels::FloatRange range) {
  const Index taps = w.filter_h * w.filter_w;
  const Index padded = kernels::depthwise_channels(w.out_c, kWideFloatBlock);
  LICHEN_TRY(context.budget.take(static_cast<std::size_t>(taps * padded) * sizeof(float)));
  auto packed =
      kernels::pack_depthwise_f32(constant_of<float>(context.node, 1).data(), taps, w.out_c, kWideFloatBlock);
  auto bias = kernels::padded_bias(context.node.has_input(2) ? constant_of<float>(context.node, 2).data() : nullptr,
                                   w.out_c, padded);
  return make_step("depthwise_conv2d f32 avx512", 0,
                   [w, packed = std::move(packed), bias = std::move(bias), range,
                    grain = rows_a_part(w, kFloatMacsAPart / 4)](const StepBuffers& b) {
                     b.threads->parallel_for(w.batch * w.out_h, grain, [&](Index begin, Index end) {
                       kernels::avx512::depthwise_conv2d_f32(w, b.in<float>(0), packed.data(), bias.data(), range,
                                                             begin, end, b.out<float>());
                     });
                   });
}

// Which taps go together, and by which kernel.
bool is_3x3(const kernels::Window2D& w) {
  return w.filter_h == 3 && w.filter_w == 3 && w.dilation_h == 1 && w.dilation_w == 1 && w.stride_w <= 2;
}
std::vector<Index> groups_of(const kernels::Window2D& w) {
  if (is_3x3(w)) return {0, 3, 6, kernels::kNoTap, 1, 4, 7, kernels::kNoTap, 2, 5, 8, kernels::kNoTap};
  std::vector<Index> groups;
  for (Index tap = 0; tap < w.filter_h * w.filter_w; ++tap) groups.push_back(tap);
  while (groups.size() % kernels::DepthwiseBytes::kTogether != 0) groups.push_back(kernels::kNoTap);
  return groups;
}

// Vectors of 64 channels, or of 32 where those would be half empty.
Index block_of(Index channels) {
  return channels % 64 == 0 || channels % 64 > 32 ? 64 : 32;
}

template <typename T>
StepResult bytes_step(const BuildContext& context, const kernels::Window2D& w, const WeightedQuantization& q) {
  const Index taps = w.filter_h * w.filter_w;
  LICHEN_TRY(context.budget.take(kernels::depthwise_bytes_count(taps, w.out_c)));
  constexpr bool kFlipOut = !std::is_signed_v<T>;
  constexpr std::int32_t kShift = kFlipOut ? 128 : 0;
  kernels::Requantization r = q.requantization();
  r.out_zero_point -= kShift;
  r.clamp = {r.clamp.min - kShift, r.clamp.max - kShift};
  auto packed = kernels::pack_depthwise_bytes(constant_of<T>(context.node, 1).data(),
                                              constant_of<std::int32_t>(context.node, 2).data(), groups_of(w), taps,
                                              w.out_c, block_of(w.out_c), r);
  std::vector<std::uint8_t> zero_row(static_cast<std::size_t>(w.in_c), static_cast<std::uint8_t>(q.base.in_zero_point));
  const auto run = is_3x3(w) ? &kernels::avx512::depthwise_3x3 : &kernels::avx512::depthwise_taps;
  return make_step(
      std::is_signed_v<T> ? "depthwise_conv2d i8 avx512" : "depthwise_conv2d u8 avx512", 0,
      [w, packed = std::move(packed), zero_row = std::move(zero_row), zero_point = r.out_zero_point, clamp = r.clamp,
       run, by_float = !q.scales.empty(), grain = rows_a_part(w, kIntegerMacsAPart / 4)](const StepBuffers& b) {
        const kernels::avx512::DepthwiseView view{
            packed.channels,       packed.block,        packed.groups, packed.twice, packed.bounded, by_float,
            packed.weights.data(), packed.lanes.data(), !kFlipOut,     kFlipOut,     zero_point,     clamp};
        b.threads->parallel_for(w.batch * w.out_h, grain, [&](Index begin, Index end) {
          run(w, view, b.in<std::uint8_t>(0), zero_row.data(), begin, end, b.out<std::uint8_t>());
        });
      });
}

template <typename T>
StepResult words_step(const BuildContext& context, const kernels::Window2D& w, const WeightedQuantization& q) {
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
                                                         base.clamp, false};
                     kernels::avx2::depthwise_conv2d_i16(s.grid, view_of(s.taps), image, packed.data(), s.window.out_c,
                                                         output, b.out<T>());
                   });
}

}  // namespace

StepResult vector_depthwise_conv2d_f32(const BuildContext& context, const kernels::Window2D& w,
                                       kernels::FloatRange range) {
  return context.cpu.avx512_vnni ? wide_float_step(context, w, range) : narrow_float_step(context, w, range);
}

template <typename T>
StepResult vector_depthwise_conv2d(const BuildContext& context, const kernels::Window2D& w,
                                   const WeightedQuantization& q) {
  if (context.cpu.avx512_vnni && w.filter_h * w.filter_w <= kernels::avx512::kTapsMax)
    return bytes_step<T>(context, w, q);
  return words_step<T>(context, w, q);
}

template StepResult vector_depthwise_conv2d<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                                         const WeightedQuantization&);
template StepResult vector_depthwise_conv2d<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                          const WeightedQuantization&);

}  // namespace lichen::engine

#endif
