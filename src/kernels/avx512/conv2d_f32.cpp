// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/avx512/conv2d.hpp"
#include "kernels/avx512/tiles.hpp"

namespace lichen::kernels::avx512 {
namespace {

struct FloatTile {
  static constexpr int kTileRows = kRowsMax;
  const PatternView& pattern;
  const float* image;
  const float* packed;
  const float* bias;
  Index units;
  FloatRange range;
  Rows<float> out;

  // max(min, x) and min(max, x) return the second operand where x is NaN: it passes, as in the reference kernel.
  void store(__m512 sum, Index pixel, Index channel) const {
    const __m512 value = _mm512_min_ps(_mm512_set1_ps(range.max), _mm512_max_ps(_mm512_set1_ps(range.min), sum));
    float* to = out.at + pixel * out.step + channel;
    const Index columns = units - channel;
    if (columns >= kPanel) {
      _mm512_storeu_ps(to, value);
    } else {
      _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << columns) - 1), value);
    }
  }

  template <int kRows, int kPanels>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const float* rows[kRows];
    walk.next(image, rows);
    const Index depth = pattern.count * pattern.length;
    const float* weights = packed + channel * depth;
    __m512 sums[kRows][kPanels];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kPanels; ++v) sums[r][v] = _mm512_loadu_ps(bias + channel + kPanel * v);
    }
    for (Index s = 0; s < pattern.count; ++s) {
      const Index offset = pattern.offsets[s];
      for (Index k = 0; k < pattern.length; ++k, weights += kPanel) {
        __m512 b[kPanels];
        for (int v = 0; v < kPanels; ++v) b[v] = _mm512_load_ps(weights + v * kPanel * depth);
#pragma GCC unroll 12
        for (int r = 0; r < kRows; ++r) {
          const __m512 a = _mm512_set1_ps(rows[r][offset + k]);
          for (int v = 0; v < kPanels; ++v) sums[r][v] = _mm512_fmadd_ps(a, b[v], sums[r][v]);
        }
      }
    }
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kPanels; ++v) store(sums[r][v], pixel + r, channel + kPanel * v);
    }
  }
};

// One pixel has too few sums to hide the latency of a multiply-add: here each has several, over elements in turn. As many
// for a few channels as for many: channels of equal weights have equal sums, wherever they stand and whoever computes them.
struct FloatRow {
  static constexpr int kStreams = 4;
  const FloatTile& tile;

  template <int kPanels>
  void run(Index channel) const {
    const PatternView& pattern = tile.pattern;
    const Index depth = pattern.count * pattern.length;
    const float* weights = tile.packed + channel * depth;
    __m512 sums[kStreams][kPanels];
    for (int v = 0; v < kPanels; ++v) {
      sums[0][v] = _mm512_loadu_ps(tile.bias + channel + kPanel * v);
      for (int i = 1; i < kStreams; ++i) sums[i][v] = _mm512_setzero_ps();
    }
    for (Index s = 0; s < pattern.count; ++s) {
      const float* from = tile.image + pattern.offsets[s];
      Index k = 0;
      for (; k + kStreams <= pattern.length; k += kStreams, weights += kStreams * kPanel) {
#pragma GCC unroll 8
        for (int i = 0; i < kStreams; ++i) step<kPanels>(from[k + i], weights + i * kPanel, depth, sums[i]);
      }
      for (; k < pattern.length; ++k, weights += kPanel) step<kPanels>(from[k], weights, depth, sums[0]);
    }
    for (int half = kStreams / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) {
        for (int v = 0; v < kPanels; ++v) sums[i][v] = _mm512_add_ps(sums[i][v], sums[i + half][v]);
      }
    }
    for (int v = 0; v < kPanels; ++v) tile.store(sums[0][v], 0, channel + kPanel * v);
  }

  template <int kPanels>
  static void step(float value, const float* weights, Index depth, __m512 (&sums)[kPanels]) {
    const __m512 a = _mm512_set1_ps(value);
    for (int v = 0; v < kPanels; ++v)
      sums[v] = _mm512_fmadd_ps(a, _mm512_load_ps(weights + v * kPanel * depth), sums[v]);
  }
};

}  // namespace

void conv2d_f32(const PixelGrid& grid, const PatternView& pattern, const float* image, const float* packed,
                const float* bias, Index units, const Part& part, FloatRange range, Rows<float> out) {
  const FloatTile tile{pattern, image, packed, bias, units, range, out};
  if (grid.batch * grid.height * grid.width > 1) {
    each_tile(grid, part, tile);
    return;
  }
  const FloatRow row{tile};
  Index channel = part.unit_begin;
  for (; channel + 3 * kPanel < part.unit_end; channel += 4 * kPanel) row.run<4>(channel);
  for (; channel + kPanel < part.unit_end; channel += 2 * kPanel) row.run<2>(channel);
  if (channel < part.unit_end) row.run<1>(channel);
}

}  // namespace lichen::kernels::avx512
