// SPDX-License-Identifier: Apache-2.0
// Steps that run Conv2D and FullyConnected on the tiles of NEON: the same weights, seen as panels.
#include "kernels/neon/conv2d.hpp"

#include "engine/native/layer_source.hpp"
#include "engine/native/sharing.hpp"
#include "engine/native/vector.hpp"
#include "kernels/dot_panels.hpp"
#include "kernels/neon/image.hpp"
#include "kernels/reference/conv2d.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;

StepResult float_step(const BuildContext& context, Source s, kernels::StoredFloats weights, kernels::FloatRange range,
                      std::string_view kernel) {
  constexpr Index kMultiple = 8;  // of the last panel's channels
  const Index units = s.window.out_c;
  LICHEN_TRY(context.budget.take(kernels::packed_f32_count(units, s.pattern, kMultiple) * sizeof(float)));
  auto packed = kernels::pack_f32(weights, units, s.pattern, kMultiple);
  auto bias =
      kernels::padded_bias(constant_of<float>(context.node, 2), units, kernels::panel_channels(units, kMultiple));
  const std::size_t scratch = s.image.is_input ? 0 : s.elements() * sizeof(float);
  return make_step(kernel, scratch,
                   [sharing = sharing_of(s, kFloatMacsAPart), s = std::move(s), packed = std::move(packed),
                    bias = std::move(bias), range, units](const StepBuffers& b) {
                     const float* image = b.in<float>(0);
                     if (!s.image.is_input) {
                       auto* padded = reinterpret_cast<float*>(b.scratch);
                       share_rows(*b.threads, s.rows(), s.row_elements() * Index{sizeof(float)},
                                  [&](Index begin, Index end) {
                                    kernels::neon::pad_image(s.window, s.image, b.in<float>(0), begin, end, padded);
                                  });
                       image = padded;
                     }
                     sharing.run(*b.threads, [&, image](const kernels::Part& part) {
                       kernels::neon::conv2d_f32(s.grid, view_of(s.pattern), image, packed.data(), bias.data(), units,
                                                 part, range, b.rows<float>(units));
                     });
                   },
                   Outputs::kRows);
}

// The weights of an integer layer for the instructions that the CPU has.
struct PackedWeights {
  kernels::SignedBytes bytes;
  bool dot = false;
};
template <typename T>
Result<PackedWeights> pack(const BuildContext& context, const Source& s, const T* weights, const std::int32_t* bias,
                           const kernels::Requantization& q) {
  const Index units = s.window.out_c;
  const bool dot = context.cpu.dotprod;
  LICHEN_TRY(context.budget.take(dot ? kernels::packed_dot4_count(units, s.pattern)
                                     : kernels::packed_dot8_count(units, s.pattern)));
  return PackedWeights{dot ? kernels::pack_dot4(weights, bias, units, s.pattern, q)
                           : kernels::pack_dot8(weights, bias, units, s.pattern, q),
                       dot};
}

// The signed bytes that the tiles read: the input itself, or a copy with padding, at `to`.
template <typename T>
const std::int8_t* signed_image(const Source& s, const T* in, std::int32_t zero_point, kernels::Threads& threads,
                                std::int8_t* to) {
  if (std::is_signed_v<T> && s.image.is_input) return reinterpret_cast<const std::int8_t*>(in);
  share_rows(threads, s.rows(), s.row_elements(), [&](Index begin, Index end) {
    kernels::neon::pad_bytes(s.window, s.image, in, static_cast<std::int8_t>(zero_point), begin, end, to);
  });
  return to;
}

template <typename T>
StepResult integer_step(const BuildContext& context, Source s, const T* weights, const WeightedQuantization& q,
                        bool rounds_once, std::string_view kernel) {
  const Index units = s.window.out_c;
  const Index padded_units = kernels::panel_channels(units, kernels::kPanel);
  auto packed = LICHEN_TRY(pack(context, s, weights, constant_of<std::int32_t>(context.node, 2), q.requantization()));
  auto multipliers = rounds_once ? kernels::single_multipliers(q.multipliers, padded_units)
                                 : kernels::split_multipliers(q.multipliers, padded_units);
  // Scratch: the image, one term a pixel.
  const std::size_t terms_at = std::is_signed_v<T> && s.image.is_input ? 0 : rounded(s.elements());
  const bool has_terms = packed.bytes.weights_zero_point != 0;
  const std::size_t terms = has_terms ? static_cast<std::size_t>(kernels::pixels_of(s.grid)) : 0;
  return make_step(
      kernel, terms_at + terms * sizeof(std::int32_t),
      [sharing = sharing_of(s, kIntegerMacsAPart), s = std::move(s), packed = std::move(packed),
       multipliers = std::move(multipliers), base = q.base, rounds_once, units, terms_at,
       has_terms](const StepBuffers& b) {
        const kernels::SignedBytes& p = packed.bytes;
        kernels::neon::BytesView bytes{
            signed_image(s, b.in<T>(0), p.in_zero_point, *b.threads, reinterpret_cast<std::int8_t*>(b.scratch)),
            p.weights.data(), nullptr};
        if (has_terms) {
          auto* to = reinterpret_cast<std::int32_t*>(b.scratch + terms_at);
          share_rows(*b.threads, kernels::pixels_of(s.grid), s.depth(), [&](Index begin, Index end) {
            kernels::neon::pixel_terms(s.grid, view_of(s.pattern), bytes.image, {begin, end, 0, units},
                                       -p.weights_zero_point, static_cast<std::int32_t>(p.in_zero_point * s.depth()),
                                       to);
          });
          bytes.terms = to;
        }
        const kernels::IntegerOutput output{p.bias.data(), view_of(multipliers), base.out_zero_point, base.clamp,
                                            rounds_once};
        sharing.run(*b.threads, [&](const kernels::Part& part) {
          if (packed.dot) {
            kernels::neon::conv2d_i8_dot(s.grid, view_of(s.pattern), bytes, units, part, output, b.rows<T>(units));
          } else {
            kernels::neon::conv2d_i8(s.grid, view_of(s.pattern), bytes, p.paired, units, part, output, b.rows<T>(units));
          }
        });
      },
      Outputs::kRows);
}

// A kernel's name, by type and by what the CPU has.
struct Names {
  std::string_view i8, i8_dot, u8, u8_dot;
  template <typename T>
  [[nodiscard]] std::string_view of(const kernels::CpuFeatures& cpu) const {
    if (std::is_signed_v<T>) return cpu.dotprod ? i8_dot : i8;
    return cpu.dotprod ? u8_dot : u8;
  }
};

}  // namespace

StepResult vector_conv2d_f32(const BuildContext& context, const kernels::Window2D& w, kernels::FloatRange range) {
  return float_step(context, source_of(w), stored_floats(context.node, w.out_c), range, "conv2d f32 neon");
}

StepResult vector_fully_connected_f32(const BuildContext& context, const kernels::MatrixSize& m,
                                      kernels::FloatRange range) {
  return float_step(context, source_of(m), stored_floats(context.node, m.units), range, "fully_connected f32 neon");
}

StepResult vector_single_channel_f32(const BuildContext& context, const kernels::Window2D& w,
                                     kernels::FloatRange range) {
  const auto weights = transposed(constant_of<float>(context.node, 1), w.filter_h * w.filter_w, w.out_c);
  return float_step(context, source_of(w), {reinterpret_cast<const std::byte*>(weights.data()), nullptr}, range, "depthwise_conv2d f32 1 channel neon");
}

template <typename T>
StepResult vector_conv2d(const BuildContext& context, const kernels::Window2D& w, const WeightedQuantization& q) {
  constexpr Names kNames{"conv2d i8 neon", "conv2d i8 dotprod", "conv2d u8 neon", "conv2d u8 dotprod"};
  return integer_step<T>(context, source_of(w), constant_of<T>(context.node, 1), q, false, kNames.of<T>(context.cpu));
}

template <typename T>
StepResult vector_fully_connected(const BuildContext& context, const kernels::MatrixSize& m,
                                  const WeightedQuantization& q) {
  constexpr Names kNames{"fully_connected i8 neon", "fully_connected i8 dotprod", "fully_connected u8 neon",
                         "fully_connected u8 dotprod"};
  return integer_step<T>(context, source_of(m), constant_of<T>(context.node, 1), q, true, kNames.of<T>(context.cpu));
}

template <typename T>
StepResult vector_single_channel(const BuildContext& context, const kernels::Window2D& w,
                                 const WeightedQuantization& q) {
  constexpr Names kNames{"depthwise_conv2d i8 1 channel neon", "depthwise_conv2d i8 1 channel dotprod",
                         "depthwise_conv2d u8 1 channel neon", "depthwise_conv2d u8 1 channel dotprod"};
  const auto weights = transposed(constant_of<T>(context.node, 1), w.filter_h * w.filter_w, w.out_c);
  return integer_step<T>(context, source_of(w), weights.data(), q, false, kNames.of<T>(context.cpu));
}

template StepResult vector_conv2d<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                               const WeightedQuantization&);
template StepResult vector_conv2d<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                const WeightedQuantization&);
template StepResult vector_fully_connected<std::int8_t>(const BuildContext&, const kernels::MatrixSize&,
                                                        const WeightedQuantization&);
template StepResult vector_fully_connected<std::uint8_t>(const BuildContext&, const kernels::MatrixSize&,
                                                         const WeightedQuantization&);
template StepResult vector_single_channel<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                                       const WeightedQuantization&);
template StepResult vector_single_channel<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                        const WeightedQuantization&);

StepResult vector_conv2d_hybrid(const BuildContext& context, const kernels::Window2D& w, kernels::FloatRange range) {
  Source s = source_of(w);
  const Index units = w.out_c;
  auto packed = LICHEN_TRY(pack(context, s, constant_of<std::int8_t>(context.node, 1), nullptr, {}));
  auto bias =
      kernels::padded_bias(constant_of<float>(context.node, 2), units, kernels::panel_channels(units, kernels::kPanel));
  const float weights_scale = context.node.input(1).quantization.scale();
  // Scratch: the image, the input in i8, one scale an image.
  const Index values = w.in_h * w.in_w * w.in_c;
  const std::size_t quantized_at = s.image.is_input ? 0 : rounded(s.elements());
  const std::size_t scales_at = quantized_at + rounded(static_cast<std::size_t>(w.batch * values));
  const std::size_t scratch = scales_at + static_cast<std::size_t>(w.batch) * sizeof(float);
  return make_step(
      packed.dot ? "conv2d f32*i8 dotprod" : "conv2d f32*i8 neon", scratch,
      [sharing = sharing_of(s, kIntegerMacsAPart), s = std::move(s), packed = std::move(packed), bias = std::move(bias),
       weights_scale, range, units, values, quantized_at, scales_at](const StepBuffers& b) {
        auto* quantized = reinterpret_cast<std::int8_t*>(b.scratch + quantized_at);
        auto* scales = reinterpret_cast<float*>(b.scratch + scales_at);
        for (Index n = 0; n < s.window.batch; ++n) {
          scales[n] =
              kernels::reference::quantize_symmetric(b.in<float>(0) + n * values, values, quantized + n * values) *
              weights_scale;
        }
        const std::int8_t* image = signed_image(s, quantized, 0, *b.threads, reinterpret_cast<std::int8_t*>(b.scratch));
        const kernels::neon::BytesView bytes{image, packed.bytes.weights.data(), nullptr};
        const kernels::neon::HybridOutput output{scales, bias.data(), range};
        sharing.run(*b.threads, [&](const kernels::Part& part) {
          if (packed.dot) {
            kernels::neon::conv2d_hybrid_dot(s.grid, view_of(s.pattern), bytes, units, part, output, b.out<float>());
          } else {
            kernels::neon::conv2d_hybrid(s.grid, view_of(s.pattern), bytes, packed.bytes.paired, units, part, output,
                                         b.out<float>());
          }
        });
      });
}

}  // namespace lichen::engine
