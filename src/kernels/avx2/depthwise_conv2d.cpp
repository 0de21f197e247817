// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/depthwise_conv2d.hpp"

#include "kernels/avx2/requantize.hpp"
#include "kernels/avx2/tiles.hpp"
#include "kernels/depthwise_panels.hpp"

namespace lichen::kernels::avx2 {
namespace {

constexpr int kPixels = 4;  // pixels that share one load of the weights

// block.template run<pixels>(walk, first pixel, first channel) for all pixels of all blocks of channels.
template <typename Block>
inline void each_block(const PixelGrid& grid, Index channels, Index step, const Block& block) {
  const Index pixels = grid.batch * grid.height * grid.width;
  for (Index channel = 0; channel < channels; channel += step) {
    PixelWalk walk(grid, 0);
    Index at = 0;
    for (; at + kPixels <= pixels; at += kPixels) block.template run<kPixels>(walk, at, channel);
    for (; at < pixels; ++at) block.template run<1>(walk, at, channel);
  }
}

struct FloatBlock {
  const PatternView& taps;
  const float* image;
  const float* packed;  // [channels / 8][taps][8]
  const float* bias;
  Index channels;
  FloatRange range;
  float* out;

  template <int kRows>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const float* rows[kRows];
    walk.next(image + channel, rows);
    const float* weights = packed + channel * taps.count;
    __m256 sums[kRows];
    for (int r = 0; r < kRows; ++r) sums[r] = _mm256_loadu_ps(bias + channel);
    for (Index t = 0; t < taps.count; ++t, weights += 8) {
      const __m256 b = _mm256_load_ps(weights);
      for (int r = 0; r < kRows; ++r) sums[r] = _mm256_fmadd_ps(_mm256_loadu_ps(rows[r] + taps.offsets[t]), b, sums[r]);
    }
    const Index columns = channels - channel;
    for (int r = 0; r < kRows; ++r) {
      const __m256 value = _mm256_min_ps(_mm256_set1_ps(range.max), _mm256_max_ps(_mm256_set1_ps(range.min), sums[r]));
      float* to = out + (pixel + r) * channels + channel;
      if (columns >= 8) {
        _mm256_storeu_ps(to, value);
      } else {
        alignas(32) float all[8];
        _mm256_store_ps(all, value);
        __builtin_memcpy(to, all, static_cast<std::size_t>(columns) * sizeof(float));
      }
    }
  }
};

template <typename T>
struct IntegerBlock {
  const PatternView& taps;
  const std::int16_t* image;
  const std::int16_t* packed;  // [channels / 16][pairs of taps][32]
  Index channels;
  const IntegerOutput& o;
  T* out;

  [[nodiscard]] __m256i finish(__m256i sum, Index at) const {
    const Lanes m{load(o.multipliers.values + at), load(o.multipliers.lefts + at), load(o.multipliers.rights + at)};
    const __m256i moved = _mm256_add_epi32(multiply(sum, m), _mm256_set1_epi32(o.zero_point));
    return clamp(moved, _mm256_set1_epi32(o.clamp.min), _mm256_set1_epi32(o.clamp.max));
  }

  template <int kRows>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const std::int16_t* rows[kRows];
    walk.next(image + channel, rows);
    const Index pairs = (taps.count + 1) / 2;
    const std::int16_t* weights = packed + channel * pairs * 2;
    __m256i low[kRows];
    __m256i high[kRows];
    for (int r = 0; r < kRows; ++r) {
      low[r] = load(o.bias + channel);
      high[r] = load(o.bias + channel + 8);
    }
    for (Index p = 0; p < pairs; ++p, weights += 2 * kDepthwiseBlock) {
      const Index first = taps.offsets[2 * p];
      const Index second = taps.offsets[2 * p + 1 < taps.count ? 2 * p + 1 : 2 * p];  // an odd last one has weight 0
      const __m256i low_weights = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights));
      const __m256i high_weights = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights + kDepthwiseBlock));
      for (int r = 0; r < kRows; ++r) {
        const __m256i a = load(rows[r] + first);
        const __m256i b = load(rows[r] + second);
        low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), low_weights));
        high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), high_weights));
      }
    }
    // Unpacking left channels 0-3 8-11 in low and 4-7 12-15 in high; packing brings them back in order.
    for (int r = 0; r < kRows; ++r) {
      const __m256i words = _mm256_packs_epi32(finish(low[r], channel), finish(high[r], channel + 8));
      store_bytes(to_bytes<T>(words), out + (pixel + r) * channels + channel, channels - channel);
    }
  }
};

}  // namespace

void depthwise_conv2d_f32(const PixelGrid& grid, const PatternView& taps, const float* image, const float* packed,
                          const float* bias, Index channels, FloatRange range, float* out) {
  each_block(grid, channels, 8, FloatBlock{taps, image, packed, bias, channels, range, out});
}

template <typename T>
void depthwise_conv2d_i16(const PixelGrid& grid, const PatternView& taps, const std::int16_t* image,
                          const std::int16_t* packed, Index channels, const IntegerOutput& output, T* out) {
  each_block(grid, channels, kDepthwiseBlock, IntegerBlock<T>{taps, image, packed, channels, output, out});
}

template void depthwise_conv2d_i16(const PixelGrid&, const PatternView&, const std::int16_t*, const std::int16_t*,
                                   Index, const IntegerOutput&, std::int8_t*);
template void depthwise_conv2d_i16(const PixelGrid&, const PatternView&, const std::int16_t*, const std::int16_t*,
                                   Index, const IntegerOutput&, std::uint8_t*);

}  // namespace lichen::kernels::avx2
