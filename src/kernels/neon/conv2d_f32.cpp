// SPDX-License-Identifier: Apache-2.0
#include "kernels/neon/conv2d.hpp"
#include "kernels/neon/requantize.hpp"
#include "kernels/neon/tiles.hpp"

namespace lichen::kernels::neon {
namespace {

constexpr int kLanes = 4;

// kVectors: 4 for a panel of 16 channels, 2 for one of 8.
template <int kVectors>
struct FloatTile {
  const PatternView& pattern;
  const float* image;
  const float* packed;
  const float* bias;
  Index units;
  FloatRange range;
  Rows<float> out;

  template <int kRows>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const float* rows[kRows];
    walk.next(image, rows);
    float32x4_t sums[kRows][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const float32x4_t start = vld1q_f32(bias + channel + kLanes * v);
      for (int r = 0; r < kRows; ++r) sums[r][v] = start;
    }
    const float* weights = packed + channel * pattern.count * pattern.length;
    for (Index s = 0; s < pattern.count; ++s) {
      const Index offset = pattern.offsets[s];
      Index k = 0;
      for (; k + kLanes <= pattern.length; k += kLanes) {
        float32x4_t a[kRows];
        for (int r = 0; r < kRows; ++r) a[r] = vld1q_f32(rows[r] + offset + k);
        step<kRows, 0>(a, weights, sums);
        step<kRows, 1>(a, weights, sums);
        step<kRows, 2>(a, weights, sums);
        step<kRows, 3>(a, weights, sums);
      }
      for (; k < pattern.length; ++k) {
        float32x4_t a[kRows];
        for (int r = 0; r < kRows; ++r) a[r] = vld1q_dup_f32(rows[r] + offset + k);
        step<kRows, 0>(a, weights, sums);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      float* to = out.at + (pixel + r) * out.step + channel;
      for (int v = 0; v < kVectors; ++v)
        store_floats(clamp(sums[r][v], range), to + kLanes * v, units - channel - kLanes * v);
    }
  }

  // Element kLane of each row times its weights.
  template <int kRows, int kLane>
  static void step(const float32x4_t (&a)[kRows], const float*& weights, float32x4_t (&sums)[kRows][kVectors]) {
    float32x4_t b[kVectors];
    for (int v = 0; v < kVectors; ++v) b[v] = vld1q_f32(weights + kLanes * v);
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) sums[r][v] = vfmaq_laneq_f32(sums[r][v], b[v], a[r], kLane);
    }
    weights += kLanes * kVectors;
  }
};

}  // namespace

void conv2d_f32(const PixelGrid& grid, const PatternView& pattern, const float* image, const float* packed,
                const float* bias, Index units, const Part& part, FloatRange range, Rows<float> out) {
  for (Index channel = part.unit_begin; channel < part.unit_end; channel += kPanel) {
    if (units - channel > kPanel / 2) {
      each_pixel<4>(grid, part, channel, FloatTile<4>{pattern, image, packed, bias, units, range, out});
    } else {
      each_pixel<8>(grid, part, channel, FloatTile<2>{pattern, image, packed, bias, units, range, out});
    }
  }
}

}  // namespace lichen::kernels::neon
