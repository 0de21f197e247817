// SPDX-License-Identifier: Apache-2.0
#include "kernels/neon/pool2d.hpp"

#include <algorithm>

#include "kernels/neon/requantize.hpp"

namespace lichen::kernels::neon {
namespace {

constexpr Index kBlock = 8;  // channels that are computed together

// The part of a window that is inside of the image: `rows` by `columns` from `at` on.
template <typename T>
struct Box {
  const T* at;
  Index rows, columns;
  [[nodiscard]] Index positions() const { return std::max<Index>(rows * columns, 1); }
};

// block(box, channels from its first on, where its output goes) for all outputs of the rows.
template <typename T, typename Block>
void each_block(const Window2D& w, const T* in, Index row_begin, Index row_end, T* out, const Block& block) {
  for (Index row = row_begin; row < row_end; ++row) {
    const Index y = row % w.out_h * w.stride_h - w.pad_h;
    const Index y0 = std::max<Index>(y, 0);
    const Index rows = std::max<Index>(std::min(y + w.filter_h, w.in_h) - y0, 0);
    for (Index ox = 0; ox < w.out_w; ++ox) {
      const Index x = ox * w.stride_w - w.pad_w;
      const Index x0 = std::max<Index>(x, 0);
      const Index columns = std::max<Index>(std::min(x + w.filter_w, w.in_w) - x0, 0);
      const T* at = in + ((row / w.out_h * w.in_h + y0) * w.in_w + x0) * w.in_c;
      T* to = out + (row * w.out_w + ox) * w.in_c;
      for (Index channel = 0; channel < w.in_c; channel += kBlock)
        block(Box<T>{at + channel, rows, columns}, w.in_c - channel, to + channel);
    }
  }
}

// fold(place) for the positions of a box.
template <typename T, typename Fold>
void each_position(const Window2D& w, const Box<T>& box, const Fold& fold) {
  for (Index y = 0; y < box.rows; ++y) {
    const T* at = box.at + y * w.in_w * w.in_c;
    for (Index x = 0; x < box.columns; ++x, at += w.in_c) fold(at);
  }
}

void store(float32x4x2_t values, FloatRange range, float* to, Index count) {
  store_floats(clamp(values.val[0], range), to, count);
  store_floats(clamp(values.val[1], range), to + 4, count - 4);
}

// A NaN is not larger.
float32x4_t larger(float32x4_t most, float32x4_t x) {
  return vbslq_f32(vcltq_f32(most, x), x, most);
}

// (sum +- half of the divisor) / divisor, truncated. Below 2^24 the quotient of f32 is never rounded up to the next
// integer.
int32x4_t mean(int32x4_t sum, std::int32_t divisor, IntegerClamp clamp) {
  const int32x4_t half = vdupq_n_s32(divisor / 2);
  const int32x4_t moved = vbslq_s32(vcgtzq_s32(sum), vaddq_s32(sum, half), vsubq_s32(sum, half));
  const int32x4_t quotient = vcvtq_s32_f32(vdivq_f32(vcvtq_f32_s32(moved), vdupq_n_f32(static_cast<float>(divisor))));
  return vminq_s32(vmaxq_s32(quotient, vdupq_n_s32(clamp.min)), vdupq_n_s32(clamp.max));
}

template <typename T>
uint8x8_t larger(uint8x8_t a, uint8x8_t b) {
  if constexpr (static_cast<T>(-1) < T{0})
    return vreinterpret_u8_s8(vmax_s8(vreinterpret_s8_u8(a), vreinterpret_s8_u8(b)));
  return vmax_u8(a, b);
}
template <typename T>
uint8x8_t smaller(uint8x8_t a, uint8x8_t b) {
  if constexpr (static_cast<T>(-1) < T{0})
    return vreinterpret_u8_s8(vmin_s8(vreinterpret_s8_u8(a), vreinterpret_s8_u8(b)));
  return vmin_u8(a, b);
}

}  // namespace

void average_pool2d(const Window2D& w, const float* in, FloatRange range, Index row_begin, Index row_end, float* out) {
  each_block(w, in, row_begin, row_end, out, [&](const Box<float>& box, Index count, float* to) {
    float32x4x2_t sum{{vdupq_n_f32(0.0F), vdupq_n_f32(0.0F)}};
    each_position(w, box, [&](const float* at) {
      const float32x4x2_t x = load_eight(at, count);
      sum = {{vaddq_f32(sum.val[0], x.val[0]), vaddq_f32(sum.val[1], x.val[1])}};
    });
    const float32x4_t divisor = vdupq_n_f32(static_cast<float>(box.positions()));
    store({{vdivq_f32(sum.val[0], divisor), vdivq_f32(sum.val[1], divisor)}}, range, to, count);
  });
}

void max_pool2d(const Window2D& w, const float* in, FloatRange range, Index row_begin, Index row_end, float* out) {
  const float32x4_t lowest = vdupq_n_f32(std::numeric_limits<float>::lowest());
  each_block(w, in, row_begin, row_end, out, [&](const Box<float>& box, Index count, float* to) {
    float32x4x2_t most{{lowest, lowest}};
    each_position(w, box, [&](const float* at) {
      const float32x4x2_t x = load_eight(at, count);
      most = {{larger(most.val[0], x.val[0]), larger(most.val[1], x.val[1])}};
    });
    store(most, range, to, count);
  });
}

template <typename T>
void average_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, Index row_begin, Index row_end, T* out) {
  each_block(w, in, row_begin, row_end, out, [&](const Box<T>& box, Index count, T* to) {
    int32x4_t low = vdupq_n_s32(0);
    int32x4_t high = low;
    each_position(w, box, [&](const T* at) {
      const int16x8_t x = widened<T>(load_eight(at, count));
      low = vaddw_s16(low, vget_low_s16(x));
      high = vaddw_high_s16(high, x);
    });
    const auto divisor = static_cast<std::int32_t>(box.positions());
    store_bytes(to_bytes<T>(mean(low, divisor, clamp), mean(high, divisor, clamp)), to, count);
  });
}

template <typename T>
void max_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, Index row_begin, Index row_end, T* out) {
  const uint8x8_t min = vdup_n_u8(static_cast<std::uint8_t>(clamp.min));
  const uint8x8_t max = vdup_n_u8(static_cast<std::uint8_t>(clamp.max));
  each_block(w, in, row_begin, row_end, out, [&](const Box<T>& box, Index count, T* to) {
    uint8x8_t most = min;
    each_position(w, box, [&](const T* at) { most = larger<T>(most, load_eight(at, count)); });
    store_bytes(smaller<T>(most, max), to, count);
  });
}

template void average_pool2d(const Window2D&, const std::int8_t*, IntegerClamp, Index, Index, std::int8_t*);
template void average_pool2d(const Window2D&, const std::uint8_t*, IntegerClamp, Index, Index, std::uint8_t*);
template void max_pool2d(const Window2D&, const std::int8_t*, IntegerClamp, Index, Index, std::int8_t*);
template void max_pool2d(const Window2D&, const std::uint8_t*, IntegerClamp, Index, Index, std::uint8_t*);

}  // namespace lichen::kernels::neon
