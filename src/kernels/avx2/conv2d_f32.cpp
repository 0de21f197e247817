// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/avx2/conv2d.hpp"
#include "kernels/avx2/tiles.hpp"

namespace lichen::kernels::avx2 {
namespace {

// One row alone has too few sums to hide the latency of a multiply-add: it keeps four for each vector.
constexpr int kStreams = 4;

struct FloatTile {
  const PatternView& pattern;
  const float* image;
  const float* packed;
  const float* bias;
  Index units;
  FloatRange range;
  Rows<float> out;

  template <int kRows, int kVectors>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const float* rows[kRows];
    walk.next(image, rows);
    const float* weights = packed + channel * pattern.count * pattern.length;
    __m256 sums[kRows][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const __m256 start = _mm256_loadu_ps(bias + channel + 8 * v);
      for (int r = 0; r < kRows; ++r) sums[r][v] = start;
    }
    if constexpr (kRows == 1) {
      sum_row<kVectors>(rows[0], weights, sums[0]);
    } else {
      sum_tile<kRows, kVectors>(rows, weights, sums);
    }
    for (int r = 0; r < kRows; ++r) store<kVectors>(sums[r], out.at + (pixel + r) * out.step + channel, units - channel);
  }

  template <int kRows, int kVectors>
  void sum_tile(const float* const (&rows)[kRows], const float* weights, __m256 (&sums)[kRows][kVectors]) const {
    for (Index s = 0; s < pattern.count; ++s) {
      const Index offset = pattern.offsets[s];
      for (Index k = 0; k < pattern.length; ++k, weights += 8 * kVectors) {
        __m256 b[kVectors];
        for (int v = 0; v < kVectors; ++v) b[v] = _mm256_load_ps(weights + 8 * v);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          const __m256 a = _mm256_broadcast_ss(rows[r] + offset + k);
          for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm256_fmadd_ps(a, b[v], sums[r][v]);
        }
      }
    }
  }

  template <int kVectors>
  void sum_row(const float* row, const float* weights, __m256 (&sums)[kVectors]) const {
    __m256 streams[kStreams][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      streams[0][v] = sums[v];
      for (int i = 1; i < kStreams; ++i) streams[i][v] = _mm256_setzero_ps();
    }
    const auto step = [&](const float* value, int i) {
      const __m256 a = _mm256_broadcast_ss(value);
      for (int v = 0; v < kVectors; ++v)
        streams[i][v] = _mm256_fmadd_ps(a, _mm256_load_ps(weights + 8 * v), streams[i][v]);
      weights += 8 * kVectors;
    };
    for (Index s = 0; s < pattern.count; ++s) {
      const float* from = row + pattern.offsets[s];
      Index k = 0;
      for (; k + kStreams <= pattern.length; k += kStreams) {
#pragma GCC unroll 4
        for (int i = 0; i < kStreams; ++i) step(from + k + i, i);
      }
      for (; k < pattern.length; ++k) step(from + k, 0);
    }
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = _mm256_add_ps(_mm256_add_ps(streams[0][v], streams[1][v]), _mm256_add_ps(streams[2][v], streams[3][v]));
    }
  }

  template <int kVectors>
  void store(const __m256 (&sums)[kVectors], float* to, Index columns) const {
    alignas(32) float all[8];
    for (int v = 0; v < kVectors; ++v) {
      // max(min, x) and min(max, x) return the second operand where x is NaN: it passes, as in the reference kernel.
      const __m256 value = _mm256_min_ps(_mm256_set1_ps(range.max), _mm256_max_ps(_mm256_set1_ps(range.min), sums[v]));
      if (columns >= 8 * (v + 1)) {
        _mm256_storeu_ps(to + 8 * v, value);
      } else if (columns > 8 * v) {
        _mm256_store_ps(all, value);
        __builtin_memcpy(to + 8 * v, all, static_cast<std::size_t>(columns - 8 * v) * sizeof(float));
      }
    }
  }
};

}  // namespace

void conv2d_f32(const PixelGrid& grid, const PatternView& pattern, const float* image, const float* packed,
                const float* bias, Index units, const Part& part, FloatRange range, Rows<float> out) {
  each_tile(grid, part, FloatTile{pattern, image, packed, bias, units, range, out});
}

}  // namespace lichen::kernels::avx2
