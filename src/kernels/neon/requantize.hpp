// SPDX-License-Identifier: Apache-2.0
// The fixed-point arithmetic of kernels/fixed_point.hpp, four lanes at a time and equal bit for bit. Internal linkage,
// because a file that is compiled for newer CPUs includes it too.
#pragma once

#include <cstdint>

#include <arm_neon.h>

#include "kernels/panels.hpp"

namespace lichen::kernels::neon {
namespace {

struct Lanes {
  int32x4_t value, left, right;
};
inline Lanes lanes_at(const MultiplierView& m, Index channel) {
  return {vld1q_s32(m.values + channel), vld1q_s32(m.lefts + channel), vld1q_s32(m.rights + channel)};
}
inline Lanes lanes_of(Multiplier m) {
  return {vdupq_n_s32(m.value), vdupq_n_s32(m.shift > 0 ? m.shift : 0), vdupq_n_s32(m.shift > 0 ? 0 : -m.shift)};
}

// vrshl rounds halves up; one less for negative numbers makes that away from zero.
inline int32x4_t rounding_divide_by_power_of_two(int32x4_t x, int32x4_t exponent) {
  const int32x4_t down = vnegq_s32(exponent);
  const int32x4_t one_less = vshrq_n_s32(vandq_s32(x, down), 31);
  return vrshlq_s32(vqaddq_s32(x, one_less), down);
}

inline int32x4_t multiply(int32x4_t x, const Lanes& m) {
  return rounding_divide_by_power_of_two(vqrdmulhq_s32(vshlq_s32(x, m.left), m.value), m.right);
}

// m.right: the whole shift, 1 to 62.
inline int32x4_t multiply_rounding_once(int32x4_t x, const Lanes& m) {
  const int32x4_t down = vnegq_s32(m.right);
  const int64x2_t low = vmull_s32(vget_low_s32(x), vget_low_s32(m.value));
  const int64x2_t high = vmull_high_s32(x, m.value);
  return vcombine_s32(vmovn_s64(vrshlq_s64(low, vmovl_s32(vget_low_s32(down)))),
                      vmovn_s64(vrshlq_s64(high, vmovl_high_s32(down))));
}

// Eight values within T's range, as bytes.
template <typename T>
inline uint8x8_t to_bytes(int32x4_t low, int32x4_t high) {
  const int16x8_t words = vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
  if constexpr (static_cast<T>(-1) < T{0}) return vreinterpret_u8_s8(vqmovn_s16(words));
  return vqmovun_s16(words);
}

// Eight values at `from`, or the first `count` and zeros.
inline float32x4x2_t load_eight(const float* from, Index count) {
  if (count >= 8) return {{vld1q_f32(from), vld1q_f32(from + 4)}};
  float all[8] = {};
  __builtin_memcpy(all, from, static_cast<std::size_t>(count) * sizeof(float));
  return {{vld1q_f32(all), vld1q_f32(all + 4)}};
}
inline uint8x8_t load_eight(const void* from, Index count) {
  if (count >= 8) return vld1_u8(static_cast<const std::uint8_t*>(from));
  std::uint8_t all[8] = {};
  __builtin_memcpy(all, from, static_cast<std::size_t>(count));
  return vld1_u8(all);
}

// Eight stored values as i16. T is int8_t or uint8_t.
template <typename T>
inline int16x8_t widened(uint8x8_t bytes) {
  if constexpr (static_cast<T>(-1) < T{0}) return vmovl_s8(vreinterpret_s8_u8(bytes));
  return vreinterpretq_s16_u16(vmovl_u8(bytes));
}

// Copies the first `count` of up to 8 bytes.
inline void store_bytes(uint8x8_t bytes, void* to, Index count) {
  if (count >= 8) {
    vst1_u8(static_cast<std::uint8_t*>(to), bytes);
    return;
  }
  std::uint8_t all[8];
  vst1_u8(all, bytes);
  __builtin_memcpy(to, all, static_cast<std::size_t>(count));
}

// Copies the first `count` of up to 4 floats.
inline void store_floats(float32x4_t values, float* to, Index count) {
  if (count >= 4) {
    vst1q_f32(to, values);
  } else if (count > 0) {
    float all[4];
    vst1q_f32(all, values);
    __builtin_memcpy(to, all, static_cast<std::size_t>(count) * sizeof(float));
  }
}

// NaN passes, as in the reference kernels.
inline float32x4_t clamp(float32x4_t x, FloatRange range) {
  return vminq_f32(vmaxq_f32(x, vdupq_n_f32(range.min)), vdupq_n_f32(range.max));
}

}  // namespace
}  // namespace lichen::kernels::neon
