// SPDX-License-Identifier: Apache-2.0
// Steps that run Conv2D and FullyConnected on the AVX2 tiles: the same weights, seen as panels.
#include "engine/native/vector.hpp"

#if LICHEN_KERNELS_AVX2

#include <vector>

#include "kernels/avx2/conv2d.hpp"
#include "kernels/avx2/image.hpp"
#include "kernels/reference/conv2d.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::PaddedImage;

// What one node reads and where: a padded image for convolutions, the input's rows for fully connected layers.
struct Source {
  kernels::Window2D window;
  PaddedImage image;
  kernels::PixelGrid grid;
  kernels::Pattern pattern;
};

Source source_of(const kernels::Window2D& w) {
  const PaddedImage image = kernels::padded_image(w, 1);
  return {w, image, kernels::pixel_grid(w, image), kernels::pattern_of(w, image)};
}

// A row of `depth` values is a 1 x 1 image of `depth` channels.
Source source_of(const kernels::MatrixSize& m) {
  kernels::Window2D w;
  w.in_w = w.out_w = m.rows;
  w.in_c = m.depth;
  w.out_c = m.units;
  return {w, {1, m.rows, m.depth, true}, kernels::row_grid(m), kernels::pattern_of(m)};
}

constexpr std::size_t kSlack = 2;  // elements that pairs may read beyond the image

std::size_t padded_bytes(const Source& s, std::size_t element) {
  return (static_cast<std::size_t>(s.image.elements(s.window.batch)) + kSlack) * element;
}

template <typename T>
const T* constant_of(const graph::NodeView& node, std::size_t input) {
  return node.has_input(input) ? node.input(input).constant->as<T>().data() : nullptr;
}

StepResult float_step(const BuildContext& context, Source s, const float* weights, kernels::FloatRange range,
                      std::string_view kernel) {
  const Index units = s.window.out_c;
  LICHEN_TRY(context.budget.take(kernels::packed_f32_count(units, s.pattern) * sizeof(float)));
  auto packed = kernels::pack_f32(weights, units, s.pattern);
  auto bias = kernels::padded_bias(constant_of<float>(context.node, 2), units, kernels::panel_channels(units));
  const std::size_t scratch = s.image.is_input ? 0 : padded_bytes(s, sizeof(float));
  return make_step(
      kernel, scratch,
      [s = std::move(s), packed = std::move(packed), bias = std::move(bias), range, units](const StepBuffers& b) {
        const float* image = b.in<float>(0);
        if (!s.image.is_input) {
          auto* padded = reinterpret_cast<float*>(b.scratch);
          kernels::avx2::pad_image(s.window, s.image, image, padded);
          image = padded;
        }
        kernels::avx2::conv2d_f32(s.grid, view_of(s.pattern), image, packed.data(), bias.data(), units, range,
                                  b.out<float>());
      });
}

template <typename T>
StepResult integer_step(const BuildContext& context, Source s, const T* weights, const WeightedQuantization& q,
                        bool rounds_once, std::string_view kernel) {
  const Index units = s.window.out_c;
  const Index padded_units = kernels::panel_channels(units);
  LICHEN_TRY(context.budget.take(kernels::packed_i16_count(units, s.pattern) * sizeof(std::int16_t)));
  auto packed = kernels::pack_i16(weights, q.base.weights_zero_point, units, s.pattern);
  auto bias = kernels::padded_bias(constant_of<std::int32_t>(context.node, 2), units, padded_units);
  auto multipliers = rounds_once ? kernels::single_multipliers(q.multipliers, padded_units)
                                 : kernels::split_multipliers(q.multipliers, padded_units);
  const std::size_t scratch = padded_bytes(s, sizeof(std::int16_t));
  return make_step(kernel, scratch,
                   [s = std::move(s), packed = std::move(packed), bias = std::move(bias),
                    multipliers = std::move(multipliers), base = q.base, rounds_once, units](const StepBuffers& b) {
                     auto* image = reinterpret_cast<std::int16_t*>(b.scratch);
                     if (s.image.is_input) {
                       kernels::avx2::widen(b.in<T>(0), s.image.elements(s.window.batch), base.in_zero_point, image);
                     } else {
                       kernels::avx2::widen_image(s.window, s.image, b.in<T>(0), base.in_zero_point, image);
                     }
                     const kernels::avx2::IntegerOutput output{bias.data(), view_of(multipliers), base.out_zero_point,
                                                               base.clamp, rounds_once};
                     kernels::avx2::conv2d_i16(s.grid, view_of(s.pattern), image, packed.data(), units, output,
                                               b.out<T>());
                   });
}

// Depthwise weights [taps][channels] of a one-channel image as a convolution's [channels][taps].
template <typename T>
std::vector<T> transposed(const T* weights, Index taps, Index channels) {
  std::vector<T> to(static_cast<std::size_t>(taps * channels));
  for (Index c = 0; c < channels; ++c) {
    for (Index t = 0; t < taps; ++t) to[static_cast<std::size_t>(c * taps + t)] = weights[t * channels + c];
  }
  return to;
}

std::size_t rounded(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace

StepResult vector_conv2d_f32(const BuildContext& context, const kernels::Window2D& w, kernels::FloatRange range,
                             std::string_view kernel) {
  return float_step(context, source_of(w), constant_of<float>(context.node, 1), range, kernel);
}

StepResult vector_fully_connected_f32(const BuildContext& context, const kernels::MatrixSize& m,
                                      kernels::FloatRange range) {
  return float_step(context, source_of(m), constant_of<float>(context.node, 1), range, "fully_connected f32 avx2");
}

template <typename T>
StepResult vector_conv2d(const BuildContext& context, const kernels::Window2D& w, const WeightedQuantization& q,
                         std::string_view kernel) {
  return integer_step<T>(context, source_of(w), constant_of<T>(context.node, 1), q, false, kernel);
}

template <typename T>
StepResult vector_fully_connected(const BuildContext& context, const kernels::MatrixSize& m,
                                  const WeightedQuantization& q) {
  return integer_step<T>(context, source_of(m), constant_of<T>(context.node, 1), q, true,
                         std::is_signed_v<T> ? "fully_connected i8 avx2" : "fully_connected u8 avx2");
}

template StepResult vector_conv2d<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                               const WeightedQuantization&, std::string_view);
template StepResult vector_conv2d<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                const WeightedQuantization&, std::string_view);
template StepResult vector_fully_connected<std::int8_t>(const BuildContext&, const kernels::MatrixSize&,
                                                        const WeightedQuantization&);
template StepResult vector_fully_connected<std::uint8_t>(const BuildContext&, const kernels::MatrixSize&,
                                                         const WeightedQuantization&);

StepResult vector_single_channel_f32(const BuildContext& context, const kernels::Window2D& w,
                                     kernels::FloatRange range) {
  const auto weights = transposed(constant_of<float>(context.node, 1), w.filter_h * w.filter_w, w.out_c);
  return float_step(context, source_of(w), weights.data(), range, "depthwise_conv2d f32 1 channel avx2");
}

template <typename T>
StepResult vector_single_channel(const BuildContext& context, const kernels::Window2D& w,
                                 const WeightedQuantization& q) {
  const auto weights = transposed(constant_of<T>(context.node, 1), w.filter_h * w.filter_w, w.out_c);
  return integer_step<T>(
      context, source_of(w), weights.data(), q, false,
      std::is_signed_v<T> ? "depthwise_conv2d i8 1 channel avx2" : "depthwise_conv2d u8 1 channel avx2");
}

template StepResult vector_single_channel<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                                       const WeightedQuantization&);
template StepResult vector_single_channel<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                        const WeightedQuantization&);

StepResult vector_conv2d_hybrid(const BuildContext& context, const kernels::Window2D& w, kernels::FloatRange range) {
  Source s = source_of(w);
  const Index units = w.out_c;
  LICHEN_TRY(context.budget.take(kernels::packed_i16_count(units, s.pattern) * sizeof(std::int16_t)));
  auto packed = kernels::pack_i16(constant_of<std::int8_t>(context.node, 1), 0, units, s.pattern);
  auto bias = kernels::padded_bias(constant_of<float>(context.node, 2), units, kernels::panel_channels(units));
  const float weights_scale = context.node.input(1).quantization.scale();
  // Scratch: the padded image, the input in i8, one scale an image.
  const std::size_t values = static_cast<std::size_t>(w.batch * w.in_h * w.in_w * w.in_c);
  const std::size_t quantized_at = rounded(padded_bytes(s, sizeof(std::int16_t)));
  const std::size_t scales_at = quantized_at + rounded(values);
  const std::size_t scratch = scales_at + static_cast<std::size_t>(w.batch) * sizeof(float);
  return make_step("conv2d f32*i8 avx2", scratch,
                   [s = std::move(s), packed = std::move(packed), bias = std::move(bias), weights_scale, range, units,
                    quantized_at, scales_at](const StepBuffers& b) {
                     auto* image = reinterpret_cast<std::int16_t*>(b.scratch);
                     auto* quantized = reinterpret_cast<std::int8_t*>(b.scratch + quantized_at);
                     auto* scales = reinterpret_cast<float*>(b.scratch + scales_at);
                     const kernels::Window2D& window = s.window;
                     const Index count = window.in_h * window.in_w * window.in_c;
                     for (Index n = 0; n < window.batch; ++n) {
                       scales[n] = kernels::reference::quantize_symmetric(b.in<float>(0) + n * count, count,
                                                                          quantized + n * count) *
                                   weights_scale;
                     }
                     if (s.image.is_input) {
                       kernels::avx2::widen(quantized, window.batch * count, 0, image);
                     } else {
                       kernels::avx2::widen_image(window, s.image, quantized, 0, image);
                     }
                     kernels::avx2::conv2d_hybrid(s.grid, view_of(s.pattern), image, packed.data(), units, scales,
                                                  bias.data(), range, b.out<float>());
                   });
}

}  // namespace lichen::engine

#endif
