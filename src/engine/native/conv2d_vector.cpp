// SPDX-License-Identifier: Apache-2.0
// Steps that run Conv2D and FullyConnected on the tiles of AVX2 or AVX-512: the same weights, seen as panels.
#include "engine/native/vector.hpp"

#if LICHEN_KERNELS_AVX2

#include <numeric>

#include "engine/native/layer_source.hpp"
#include "engine/native/sharing.hpp"
#include "kernels/avx2/conv2d.hpp"
#include "kernels/avx2/image.hpp"
#include "kernels/avx512/conv2d.hpp"
#include "kernels/reference/conv2d.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;

constexpr std::size_t kSlack = 2;  // elements that pairs may read beyond the image
constexpr Index kWordsMultiple = 8;  // of the last panel's channels, in i16

std::size_t padded_bytes(const Source& s, std::size_t element) {
  return (s.elements() + kSlack) * element;
}

// What the plan says about the f32 tiles of one instruction set.
struct FloatKernel {
  decltype(&kernels::avx2::conv2d_f32) run;
  Index multiple;  // of the last panel's channels
  Index pixels_together;  // parts of pixels begin at multiples of it
};
FloatKernel float_kernel(const kernels::CpuFeatures& cpu) {
  if (cpu.avx512_vnni) return {&kernels::avx512::conv2d_f32, kernels::kPanel, 1};
  return {&kernels::avx2::conv2d_f32, kernels::kPanel / 2, kernels::avx2::kPixelsTogether};
}

// An image that must be padded, in strips of a few rows of output: who computes some pads them right before, so that they
// are read from the first cache and threads meet once a layer. Rows that two threads read are padded twice. Only where rows
// go into equal parts for the threads: parts of pixels, as they are else, are more even.
struct Strips {
  static constexpr Index kRows = 4;
  static constexpr Index kPartsPerThreadMax = 4;
  static constexpr Index kBytesMax = Index{1} << 18;  // of larger images the rows padded twice would take too much memory
  Index rows = kRows;  // of output
  Index elements = 0;  // of the image for so many
  Index count = 0;     // 0: the image is padded as a whole
  Index grain = 0;     // rows of output that are worth a part: strips of them
  [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(count * elements) * sizeof(float); }
  [[nodiscard]] bool suit(const kernels::Window2D& w, int threads) const {
    return threads > 1 && count > 0 && w.out_h % (grain * threads) == 0 && w.out_h / grain <= threads * kPartsPerThreadMax;
  }
};

// Where the rows of the padded image end that are read for the rows of output before `end`.
Index rows_read(const kernels::Window2D& w, Index end) {
  return (end - 1) * w.stride_h + (w.filter_h - 1) * w.dilation_h + 1;
}

// `pixels_together`: strips begin at multiples of it.
Strips strips_of(const Source& s, Index pixels_together) {
  const kernels::Window2D& w = s.window;
  const Index aligned = pixels_together / std::gcd(pixels_together, w.out_w);
  Strips strips;
  strips.rows = std::max(aligned, Strips::kRows / aligned * aligned);
  if (s.image.is_input || w.batch != 1 || w.out_h < 2 * strips.rows) return {};
  strips.elements = rows_read(w, strips.rows) * s.row_elements();
  const Index macs = std::max<Index>(1, strips.rows * w.out_w * w.out_c * s.depth());
  strips.grain = strips.rows * ((kFloatMacsAPart + macs - 1) / macs);
  strips.count = (w.out_h + strips.rows - 1) / strips.rows;
  return static_cast<Index>(strips.bytes()) <= Strips::kBytesMax ? strips : Strips{};
}

// compute(image, part) for the parts of the output; only what the part reads is there of the image.
template <typename Compute>
void each_strip(const Source& s, const Strips& strips, const StepBuffers& b, const Compute& compute) {
  const kernels::Window2D& w = s.window;
  auto* scratch = reinterpret_cast<float*>(b.scratch);
  b.threads->parallel_for(w.out_h, strips.grain, [&](Index begin, Index end) {
    const Index first = begin * w.stride_h;
    float* image = scratch + begin / strips.rows * strips.elements - first * s.row_elements();
    kernels::avx2::pad_image(w, s.image, b.in<float>(0), first, rows_read(w, end), image);
    compute(image, kernels::Part{begin * w.out_w, end * w.out_w, 0, w.out_c});
  });
}

// "conv2d f32" of the two, by what the CPU has.
struct Names {
  std::string_view avx2, avx512;
  [[nodiscard]] std::string_view of(const kernels::CpuFeatures& cpu) const { return cpu.avx512_vnni ? avx512 : avx2; }
};

StepResult float_step(const BuildContext& context, Source s, kernels::StoredFloats weights, kernels::FloatRange range,
                      const Names& names) {
  const Index units = s.window.out_c;
  const FloatKernel kernel = float_kernel(context.cpu);
  LICHEN_TRY(context.budget.take(kernels::packed_f32_count(units, s.pattern, kernel.multiple) * sizeof(float)));
  auto packed = kernels::pack_f32(weights, units, s.pattern, kernel.multiple);
  auto bias = kernels::padded_bias(constant_of<float>(context.node, 2), units,
                                   kernels::panel_channels(units, kernel.multiple));
  const Strips strips = strips_of(s, kernel.pixels_together);
  const std::size_t scratch = s.image.is_input ? 0 : std::max(strips.bytes(), padded_bytes(s, sizeof(float)));
  return make_step(names.of(context.cpu), scratch,
                   [sharing = sharing_of(s, kFloatMacsAPart), s = std::move(s), strips, packed = std::move(packed),
                    bias = std::move(bias), range, units, run = kernel.run](const StepBuffers& b) {
                     const auto compute = [&](const float* from, const kernels::Part& part) {
                       run(s.grid, view_of(s.pattern), from, packed.data(), bias.data(), units, part, range,
                           b.rows<float>(units));
                     };
                     if (strips.suit(s.window, b.threads->count())) return each_strip(s, strips, b, compute);
                     const float* image = b.in<float>(0);
                     if (!s.image.is_input) {
                       auto* padded = reinterpret_cast<float*>(b.scratch);
                       share_rows(*b.threads, s.rows(), s.row_elements() * Index{sizeof(float)},
                                  [&](Index begin, Index end) {
                                    kernels::avx2::pad_image(s.window, s.image, image, begin, end, padded);
                                  });
                       image = padded;
                     }
                     sharing.run(*b.threads, [&, image](const kernels::Part& part) { compute(image, part); });
                   },
                   Outputs::kRows);
}

// The stored values minus the zero point, where the window may leave the input with zeros around.
template <typename T>
void widen_input(const Source& s, const T* in, std::int32_t zero_point, kernels::Threads& threads, std::int16_t* image) {
  if (s.image.is_input) {
    kernels::avx2::widen(in, s.image.elements(s.window.batch), zero_point, image);
    return;
  }
  share_rows(threads, s.rows(), s.row_elements() * Index{sizeof(std::int16_t)}, [&](Index begin, Index end) {
    kernels::avx2::widen_image(s.window, s.image, in, zero_point, begin, end, image);
  });
}

template <typename T>
StepResult words_step(const BuildContext& context, Source s, const T* weights, const WeightedQuantization& q,
                      bool rounds_once, std::string_view kernel) {
  const Index units = s.window.out_c;
  const Index padded_units = kernels::panel_channels(units, kWordsMultiple);
  LICHEN_TRY(context.budget.take(kernels::packed_i16_count(units, s.pattern) * sizeof(std::int16_t)));
  auto packed = kernels::pack_i16(weights, q.base.weights_zero_point, units, s.pattern);
  auto bias = kernels::padded_bias(constant_of<std::int32_t>(context.node, 2), units, padded_units);
  auto multipliers = rounds_once ? kernels::single_multipliers(q.multipliers, padded_units)
                                 : kernels::split_multipliers(q.multipliers, padded_units);
  const std::size_t scratch = padded_bytes(s, sizeof(std::int16_t));
  return make_step(kernel, scratch,
                   [sharing = sharing_of(s, kIntegerMacsAPart), s = std::move(s), packed = std::move(packed),
                    bias = std::move(bias), multipliers = std::move(multipliers), base = q.base, rounds_once,
                    units](const StepBuffers& b) {
                     auto* image = reinterpret_cast<std::int16_t*>(b.scratch);
                     widen_input(s, b.in<T>(0), base.in_zero_point, *b.threads, image);
                     const kernels::IntegerOutput output{bias.data(), view_of(multipliers), base.out_zero_point,
                                                         base.clamp, rounds_once};
                     sharing.run(*b.threads, [&](const kernels::Part& part) {
                       kernels::avx2::conv2d_i16(s.grid, view_of(s.pattern), image, packed.data(), units, part, output,
                                                 b.rows<T>(units));
                     });
                   },
                   Outputs::kRows);
}

// The bytes that the tiles read: the input itself, or its padded copy.
const std::uint8_t* padded_bytes_of(const Source& s, const StepBuffers& b, std::uint8_t zero_point) {
  const auto* in = b.in<std::uint8_t>(0);
  if (s.image.is_input) return in;
  auto* padded = reinterpret_cast<std::uint8_t*>(b.scratch);
  share_rows(*b.threads, s.rows(), s.row_elements(), [&](Index begin, Index end) {
    kernels::avx2::pad_bytes(s.window, s.image, in, zero_point, begin, end, padded);
  });
  return padded;
}

template <typename T>
StepResult bytes_step(const BuildContext& context, Source s, const T* weights, const WeightedQuantization& q,
                      bool rounds_once, std::string_view kernel) {
  const Index units = s.window.out_c;
  LICHEN_TRY(context.budget.take(kernels::packed_bytes_count(units, s.pattern)));
  auto packed = kernels::pack_bytes(weights, constant_of<std::int32_t>(context.node, 2), units, s.pattern,
                                    q.requantization());
  auto once = rounds_once && q.scales.empty() ? kernels::single_multipliers(q.multipliers, kernels::panel_channels(units, kernels::kPanel))
                          : kernels::VectorMultipliers{};
  // Scratch: the padded image, one term a pixel.
  const std::size_t terms_at = s.image.is_input ? 0 : rounded(padded_bytes(s, 1));
  const auto pixels = static_cast<std::size_t>(pixels_of(s.grid));
  const std::size_t scratch = terms_at + (packed.weights_zero_point != 0 ? pixels * sizeof(std::int32_t) : 0);
  return make_step(
      kernel, scratch,
      [sharing = sharing_of(s, kIntegerMacsAPart), s = std::move(s), packed = std::move(packed),
       once = std::move(once), by_float = !q.scales.empty(), base = q.base, units, terms_at](const StepBuffers& b) {
        constexpr bool kSigned = std::is_signed_v<T>;
        constexpr std::int32_t kMoved = kSigned ? 0 : 128;
        const std::uint8_t* image = padded_bytes_of(s, b, static_cast<std::uint8_t>(base.in_zero_point));
        std::int32_t* terms = nullptr;
        if (packed.weights_zero_point != 0) {
          terms = reinterpret_cast<std::int32_t*>(b.scratch + terms_at);
          const Index depth = s.depth();
          const auto less = static_cast<std::int32_t>(packed.in_zero_point * depth);
          share_rows(*b.threads, pixels_of(s.grid), depth, [&](Index begin, Index end) {
            kernels::avx512::pixel_terms(s.grid, view_of(s.pattern), image, kSigned, {begin, end, 0, units},
                                         -packed.weights_zero_point, less, terms);
          });
        }
        const kernels::avx512::BytesView view{packed.weights.data(),
                                              packed.lanes.data(),
                                              terms,
                                              view_of(once),
                                              by_float,
                                              packed.bounded,
                                              kSigned,
                                              !kSigned,
                                              base.out_zero_point - kMoved,
                                              {base.clamp.min - kMoved, base.clamp.max - kMoved}};
        sharing.run(*b.threads, [&](const kernels::Part& part) {
          kernels::avx512::conv2d_i8(s.grid, view_of(s.pattern), image, view, units, part, b.rows<std::uint8_t>(units));
        });
      },
      Outputs::kRows);
}

template <typename T>
StepResult integer_step(const BuildContext& context, Source s, const T* weights, const WeightedQuantization& q,
                        bool rounds_once, const Names& names) {
  if (context.cpu.avx512_vnni)
    return bytes_step(context, std::move(s), weights, q, rounds_once, names.avx512);
  return words_step(context, std::move(s), weights, q, rounds_once, names.avx2);
}

}  // namespace

StepResult vector_conv2d_f32(const BuildContext& context, const kernels::Window2D& w, kernels::FloatRange range) {
  return float_step(context, source_of(w), stored_floats(context.node, w.out_c), range,
                    {"conv2d f32 avx2", "conv2d f32 avx512"});
}

StepResult vector_fully_connected_f32(const BuildContext& context, const kernels::MatrixSize& m,
                                      kernels::FloatRange range) {
  return float_step(context, source_of(m), stored_floats(context.node, m.units), range,
                    {"fully_connected f32 avx2", "fully_connected f32 avx512"});
}

template <typename T>
StepResult vector_conv2d(const BuildContext& context, const kernels::Window2D& w, const WeightedQuantization& q) {
  const Names names = std::is_signed_v<T> ? Names{"conv2d i8 avx2", "conv2d i8 avx512"}
                                          : Names{"conv2d u8 avx2", "conv2d u8 avx512"};
  return integer_step<T>(context, source_of(w), constant_of<T>(context.node, 1), q, false, names);
}

template <typename T>
StepResult vector_fully_connected(const BuildContext& context, const kernels::MatrixSize& m,
                                  const WeightedQuantization& q) {
  const Names names = std::is_signed_v<T> ? Names{"fully_connected i8 avx2", "fully_connected i8 avx512"}
                                          : Names{"fully_connected u8 avx2", "fully_connected u8 avx512"};
  return integer_step<T>(context, source_of(m), constant_of<T>(context.node, 1), q, true, names);
}

template StepResult vector_conv2d<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                               const WeightedQuantization&);
template StepResult vector_conv2d<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                const WeightedQuantization&);
template StepResult vector_fully_connected<std::int8_t>(const BuildContext&, const kernels::MatrixSize&,
                                                        const WeightedQuantization&);
template StepResult vector_fully_connected<std::uint8_t>(const BuildContext&, const kernels::MatrixSize&,
                                                         const WeightedQuantization&);

StepResult vector_single_channel_f32(const BuildContext& context, const kernels::Window2D& w,
                                     kernels::FloatRange range) {
  const auto weights = transposed(constant_of<float>(context.node, 1), w.filter_h * w.filter_w, w.out_c);
  return float_step(context, source_of(w), {reinterpret_cast<const std::byte*>(weights.data()), nullptr}, range,
                    {"depthwise_conv2d f32 1 channel avx2", "depthwise_conv2d f32 1 channel avx512"});
}

template <typename T>
StepResult vector_single_channel(const BuildContext& context, const kernels::Window2D& w,
                                 const WeightedQuantization& q) {
  const auto weights = transposed(constant_of<T>(context.node, 1), w.filter_h * w.filter_w, w.out_c);
  const Names names = std::is_signed_v<T>
                          ? Names{"depthwise_conv2d i8 1 channel avx2", "depthwise_conv2d i8 1 channel avx512"}
                          : Names{"depthwise_conv2d u8 1 channel avx2", "depthwise_conv2d u8 1 channel avx512"};
  return integer_step<T>(context, source_of(w), weights.data(), q, false, names);
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
  auto bias = kernels::padded_bias(constant_of<float>(context.node, 2), units, kernels::panel_channels(units, kWordsMultiple));
  const float weights_scale = context.node.input(1).quantization.scale();
  // Scratch: the padded image, the input in i8, one scale an image.
  const std::size_t values = static_cast<std::size_t>(w.batch * w.in_h * w.in_w * w.in_c);
  const std::size_t quantized_at = rounded(padded_bytes(s, sizeof(std::int16_t)));
  const std::size_t scales_at = quantized_at + rounded(values);
  const std::size_t scratch = scales_at + static_cast<std::size_t>(w.batch) * sizeof(float);
  return make_step("conv2d f32*i8 avx2", scratch,
                   [sharing = sharing_of(s, kIntegerMacsAPart), s = std::move(s), packed = std::move(packed),
                    bias = std::move(bias), weights_scale, range, units, quantized_at, scales_at](const StepBuffers& b) {
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
                     widen_input(s, quantized, 0, *b.threads, image);
                     sharing.run(*b.threads, [&](const kernels::Part& part) {
                       kernels::avx2::conv2d_hybrid(s.grid, view_of(s.pattern), image, packed.data(), units, part,
                                                    scales, bias.data(), range, b.out<float>());
                     });
                   });
}

}  // namespace lichen::engine

#endif
