// SPDX-License-Identifier: Apache-2.0
// What becomes of the integer sums of convolutions: four channels of a pixel at a time. Internal linkage, because a
// file that is compiled for newer CPUs includes it too.
#pragma once

#include "kernels/neon/conv2d.hpp"
#include "kernels/neon/requantize.hpp"

namespace lichen::kernels::neon {
namespace {

template <typename T>
struct Requantized {
  const IntegerOutput& o;
  const std::int32_t* terms;
  Index units;
  Rows<T> out;

  [[nodiscard]] int32x4_t start(Index channel) const { return vld1q_s32(o.bias + channel); }

  [[nodiscard]] int32x4_t finish(int32x4_t sum, Index pixel, Index channel) const {
    if (terms != nullptr) sum = vaddq_s32(sum, vdupq_n_s32(terms[pixel]));
    const Lanes m = lanes_at(o.multipliers, channel);
    const int32x4_t scaled = o.rounds_once ? multiply_rounding_once(sum, m) : multiply(sum, m);
    const int32x4_t moved = vaddq_s32(scaled, vdupq_n_s32(o.zero_point));
    return vminq_s32(vmaxq_s32(moved, vdupq_n_s32(o.clamp.min)), vdupq_n_s32(o.clamp.max));
  }

  // kVectors of 4 channels each.
  template <int kVectors>
  void store(const int32x4_t (&sums)[kVectors], Index pixel, Index channel) const {
    T* to = out.at + pixel * out.step;
    for (int v = 0; v < kVectors; v += 2, channel += 8) {
      if (channel >= units) return;
      const int32x4_t low = finish(sums[v], pixel, channel);
      if constexpr (kVectors == 1) {
        store_bytes(to_bytes<T>(low, low), to + channel, units - channel < 4 ? units - channel : 4);
      } else {
        store_bytes(to_bytes<T>(low, finish(sums[v + 1], pixel, channel + 4)), to + channel, units - channel);
      }
    }
  }
};

struct Scaled {
  const HybridOutput& o;
  Index pixels_an_image;
  Index units;
  float* out;

  [[nodiscard]] int32x4_t start(Index) const { return vdupq_n_s32(0); }

  template <int kVectors>
  void store(const int32x4_t (&sums)[kVectors], Index pixel, Index channel) const {
    const float32x4_t scale = vdupq_n_f32(o.scales[pixel / pixels_an_image]);
    for (int v = 0; v < kVectors; ++v, channel += 4) {
      // Not fused: the product is rounded before the bias is added, as in the reference kernel.
      const float32x4_t value = vaddq_f32(vmulq_f32(vcvtq_f32_s32(sums[v]), scale), vld1q_f32(o.bias + channel));
      store_floats(clamp(value, o.range), out + pixel * units + channel, units - channel);
    }
  }
};

}  // namespace
}  // namespace lichen::kernels::neon
