// SPDX-License-Identifier: Apache-2.0
#include "kernels/neon/depthwise_conv2d.hpp"

#include <algorithm>

#include "kernels/dot_panels.hpp"
#include "kernels/neon/requantize.hpp"

namespace lichen::kernels::neon {
namespace {

constexpr Index kBlock = 8;  // channels that are computed together
static_assert(kBlock == kFloatBlock && kBlock == kDepthwiseWords);
constexpr int kPixels = 4;  // neighbours that share each load of weights

// Taps [begin, end) of a window at `at` that are inside of the input.
struct Taps {
  Index begin, end;
};
Taps taps_inside(Index at, Index filter, Index dilation, Index size) {
  const Index begin = at < 0 ? (-at + dilation - 1) / dilation : 0;
  const Index end = at < size ? (size - 1 - at) / dilation + 1 : 0;
  return {std::min(begin, filter), std::clamp(end, std::min(begin, filter), filter)};
}

// The positions of a row of outputs whose windows are inside of the input from side to side.
Taps inner_columns(const Window2D& w) {
  const Index reach = (w.filter_w - 1) * w.dilation_w;
  const Index begin = (w.pad_w + w.stride_w - 1) / w.stride_w;
  const Index last = w.in_w - 1 - reach + w.pad_w;
  const Index end = last < 0 ? 0 : last / w.stride_w + 1;
  return {std::min(begin, w.out_w), std::clamp(end, std::min(begin, w.out_w), w.out_w)};
}

// One row of outputs. block.template run<pixels>(window's place in the input, rows, columns, first channel, out).
template <typename Block, typename T>
void each_block(const Window2D& w, const Block& block, const T* in, Index row, T* out) {
  const Index y = row % w.out_h * w.stride_h - w.pad_h;
  const Taps ky = taps_inside(y, w.filter_h, w.dilation_h, w.in_h);
  const Taps inner = inner_columns(w);
  const T* from = in + (row / w.out_h * w.in_h + y) * w.in_w * w.in_c;
  for (Index channel = 0; channel < w.in_c; channel += kBlock) {
    Index ox = 0;
    while (ox < w.out_w) {
      const Index x = ox * w.stride_w - w.pad_w;
      T* to = out + (row * w.out_w + ox) * w.out_c + channel;
      if (ox >= inner.begin && ox + kPixels <= inner.end) {
        block.template run<kPixels>(from + x * w.in_c + channel, ky, Taps{0, w.filter_w}, channel, to);
        ox += kPixels;
      } else {
        block.template run<1>(from + x * w.in_c + channel, ky, taps_inside(x, w.filter_w, w.dilation_w, w.in_w),
                              channel, to);
        ++ox;
      }
    }
  }
}

struct FloatBlock {
  const Window2D& w;
  const float* packed;
  const float* bias;
  FloatRange range;

  template <int kCount>
  void run(const float* from, const Taps& ky, const Taps& kx, Index channel, float* to) const {
    const Index count = w.in_c - channel;
    const Index step = w.stride_w * w.in_c;
    float32x4_t sums[kCount][2];
    for (int p = 0; p < kCount; ++p) {
      sums[p][0] = vld1q_f32(bias + channel);
      sums[p][1] = vld1q_f32(bias + channel + 4);
    }
    for (Index y = ky.begin; y < ky.end; ++y) {
      for (Index x = kx.begin; x < kx.end; ++x) {
        const float* weights = packed + (channel * w.filter_h * w.filter_w) + (y * w.filter_w + x) * kBlock;
        const float32x4_t low = vld1q_f32(weights);
        const float32x4_t high = vld1q_f32(weights + 4);
        const float* at = from + (y * w.dilation_h * w.in_w + x * w.dilation_w) * w.in_c;
        for (int p = 0; p < kCount; ++p) {
          const float32x4x2_t a = load_eight(at + p * step, count);
          sums[p][0] = vfmaq_f32(sums[p][0], a.val[0], low);
          sums[p][1] = vfmaq_f32(sums[p][1], a.val[1], high);
        }
      }
    }
    for (int p = 0; p < kCount; ++p) {
      store_floats(clamp(sums[p][0], range), to + p * w.out_c, count);
      store_floats(clamp(sums[p][1], range), to + p * w.out_c + 4, count - 4);
    }
  }
};

template <typename T>
struct IntegerBlock {
  const Window2D& w;
  std::int32_t in_zero_point;
  const std::int16_t* packed;
  const IntegerOutput& o;

  // Stored values minus the zero point.
  [[nodiscard]] int16x8_t words_at(const T* from, Index count) const {
    const uint8x8_t bytes = load_eight(from, count);
    const auto zero = static_cast<T>(in_zero_point);
    if constexpr (static_cast<T>(-1) < T{0}) return vsubl_s8(vreinterpret_s8_u8(bytes), vdup_n_s8(zero));
    return vreinterpretq_s16_u16(vsubl_u8(bytes, vdup_n_u8(static_cast<std::uint8_t>(zero))));
  }

  [[nodiscard]] int32x4_t finish(int32x4_t sum, Index channel) const {
    const int32x4_t moved = vaddq_s32(multiply(sum, lanes_at(o.multipliers, channel)), vdupq_n_s32(o.zero_point));
    return vminq_s32(vmaxq_s32(moved, vdupq_n_s32(o.clamp.min)), vdupq_n_s32(o.clamp.max));
  }

  template <int kCount>
  void run(const T* from, const Taps& ky, const Taps& kx, Index channel, T* to) const {
    const Index count = w.in_c - channel;
    const Index step = w.stride_w * w.in_c;
    int32x4_t sums[kCount][2];
    for (int p = 0; p < kCount; ++p) {
      sums[p][0] = vld1q_s32(o.bias + channel);
      sums[p][1] = vld1q_s32(o.bias + channel + 4);
    }
    for (Index y = ky.begin; y < ky.end; ++y) {
      for (Index x = kx.begin; x < kx.end; ++x) {
        const int16x8_t b = vld1q_s16(packed + (channel * w.filter_h * w.filter_w) + (y * w.filter_w + x) * kBlock);
        const T* at = from + (y * w.dilation_h * w.in_w + x * w.dilation_w) * w.in_c;
        for (int p = 0; p < kCount; ++p) {
          const int16x8_t a = words_at(at + p * step, count);
          sums[p][0] = vmlal_s16(sums[p][0], vget_low_s16(a), vget_low_s16(b));
          sums[p][1] = vmlal_high_s16(sums[p][1], a, b);
        }
      }
    }
    for (int p = 0; p < kCount; ++p) {
      const uint8x8_t bytes = to_bytes<T>(finish(sums[p][0], channel), finish(sums[p][1], channel + 4));
      store_bytes(bytes, to + p * w.out_c, count);
    }
  }
};

}  // namespace

void depthwise_conv2d_f32(const Window2D& w, const float* in, const float* packed, const float* bias, FloatRange range,
                          Index row_begin, Index row_end, float* out) {
  const FloatBlock block{w, packed, bias, range};
  for (Index row = row_begin; row < row_end; ++row) each_block(w, block, in, row, out);
}

template <typename T>
void depthwise_conv2d_i16(const Window2D& w, const T* in, std::int32_t in_zero_point, const std::int16_t* packed,
                          const IntegerOutput& output, Index row_begin, Index row_end, T* out) {
  const IntegerBlock<T> block{w, in_zero_point, packed, output};
  for (Index row = row_begin; row < row_end; ++row) each_block(w, block, in, row, out);
}

template void depthwise_conv2d_i16(const Window2D&, const std::int8_t*, std::int32_t, const std::int16_t*,
                                   const IntegerOutput&, Index, Index, std::int8_t*);
template void depthwise_conv2d_i16(const Window2D&, const std::uint8_t*, std::int32_t, const std::int16_t*,
                                   const IntegerOutput&, Index, Index, std::uint8_t*);

}  // namespace lichen::kernels::neon
