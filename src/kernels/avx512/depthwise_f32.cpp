// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/avx512/depthwise_conv2d.hpp"

namespace lichen::kernels::avx512 {
namespace {

constexpr Index kBlock = 16;
constexpr int kPixels = 4;  // that share weights, and with a stride of 1 most of what they read

// Taps [begin, end) of a row or column whose positions at * stride - pad + tap * dilation are inside of the input.
struct Taps {
  Index begin, end;
};
inline Taps taps_inside(Index first, Index taps, Index dilation, Index size) {
  Taps t{0, taps};
  while (t.begin < t.end && first + t.begin * dilation < 0) ++t.begin;
  while (t.begin < t.end && first + (t.end - 1) * dilation >= size) --t.end;
  return t;
}

struct Depthwise {
  const Window2D& w;
  const float* in;
  const float* packed;  // [blocks][taps][16]
  const float* bias;
  FloatRange range;
  float* out;

  void store(__m512 sum, __mmask16 there, float* to) const {
    const __m512 value = _mm512_min_ps(_mm512_set1_ps(range.max), _mm512_max_ps(_mm512_set1_ps(range.min), sum));
    _mm512_mask_storeu_ps(to, there, value);
  }

  [[nodiscard]] __mmask16 there(Index channel) const {
    const Index left = w.out_c - channel;
    return left >= kBlock ? __mmask16{0xFFFF} : static_cast<__mmask16>((1U << left) - 1);
  }

  // kRow pixels side by side that have all their columns. kColumns and kStride are the window's; 0: any.
  template <int kRow, int kColumns, int kStride>
  void pixels(const float* image, Index y, Taps rows, Index x, float* to) const {
    const Index columns = kColumns > 0 ? kColumns : w.filter_w;
    const Index stride = kColumns > 0 ? kStride : w.stride_w;
    const Index dilation = kColumns > 0 ? 1 : w.dilation_w;
    const Index c = w.in_c;
    const Index taps = w.filter_h * w.filter_w;
    for (Index channel = 0; channel < c; channel += kBlock) {
      const __mmask16 mask = there(channel);
      __m512 sums[kRow];
      for (int p = 0; p < kRow; ++p) sums[p] = _mm512_loadu_ps(bias + channel);
      for (Index ky = rows.begin; ky < rows.end; ++ky) {
        const float* from = image + ((y + ky * w.dilation_h) * w.in_w + x) * c + channel;
        const float* weights = packed + channel * taps + ky * columns * kBlock;
#pragma GCC unroll 5
        for (Index kx = 0; kx < columns; ++kx) {
          const __m512 b = _mm512_load_ps(weights + kx * kBlock);
#pragma GCC unroll 4
          for (int p = 0; p < kRow; ++p) {
            const __m512 a = _mm512_maskz_loadu_ps(mask, from + (p * stride + kx * dilation) * c);
            sums[p] = _mm512_fmadd_ps(a, b, sums[p]);
          }
        }
      }
      for (int p = 0; p < kRow; ++p) store(sums[p], mask, to + p * c + channel);
    }
  }

  // One pixel at the left or right border.
  void border(const float* image, Index y, Taps rows, Index x, float* to) const {
    const Taps columns = taps_inside(x, w.filter_w, w.dilation_w, w.in_w);
    const Index taps = w.filter_h * w.filter_w;
    for (Index channel = 0; channel < w.in_c; channel += kBlock) {
      const __mmask16 mask = there(channel);
      __m512 sum = _mm512_loadu_ps(bias + channel);
      for (Index ky = rows.begin; ky < rows.end; ++ky) {
        for (Index kx = columns.begin; kx < columns.end; ++kx) {
          const Index at = (y + ky * w.dilation_h) * w.in_w + x + kx * w.dilation_w;
          const __m512 b = _mm512_load_ps(packed + channel * taps + (ky * w.filter_w + kx) * kBlock);
          sum = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, image + at * w.in_c + channel), b, sum);
        }
      }
      store(sum, mask, to + channel);
    }
  }

  template <int kColumns, int kStride>
  void rows(Index begin, Index end) const {
    // Output columns [first, last) read no column outside of the input.
    const Index reach = (w.filter_w - 1) * w.dilation_w;
    Index first = (w.pad_w + w.stride_w - 1) / w.stride_w;
    if (first > w.out_w) first = w.out_w;
    const Index room = w.in_w - 1 - reach + w.pad_w;
    Index last = room < 0 ? 0 : room / w.stride_w + 1;
    if (last > w.out_w) last = w.out_w;
    if (last < first) last = first;
    for (Index row = begin; row < end; ++row) {
      const float* image = in + row / w.out_h * w.in_h * w.in_w * w.in_c;
      const Index y = row % w.out_h * w.stride_h - w.pad_h;
      const Taps taps = taps_inside(y, w.filter_h, w.dilation_h, w.in_h);
      float* to = out + row * w.out_w * w.out_c;
      const auto x = [&](Index ox) { return ox * w.stride_w - w.pad_w; };
      Index ox = 0;
      for (; ox < first; ++ox) border(image, y, taps, x(ox), to + ox * w.out_c);
      for (; ox + kPixels <= last; ox += kPixels)
        pixels<kPixels, kColumns, kStride>(image, y, taps, x(ox), to + ox * w.out_c);
      for (; ox < last; ++ox) pixels<1, kColumns, kStride>(image, y, taps, x(ox), to + ox * w.out_c);
      for (; ox < w.out_w; ++ox) border(image, y, taps, x(ox), to + ox * w.out_c);
    }
  }
};

}  // namespace

void depthwise_conv2d_f32(const Window2D& w, const float* in, const float* packed, const float* bias, FloatRange range,
                          Index row_begin, Index row_end, float* out) {
  const Depthwise layer{w, in, packed, bias, range, out};
  const bool plain = w.dilation_w == 1;
  if (plain && w.filter_w == 3 && w.stride_w == 1) return layer.rows<3, 1>(row_begin, row_end);
  if (plain && w.filter_w == 3 && w.stride_w == 2) return layer.rows<3, 2>(row_begin, row_end);
  if (plain && w.filter_w == 5 && w.stride_w == 1) return layer.rows<5, 1>(row_begin, row_end);
  if (plain && w.filter_w == 5 && w.stride_w == 2) return layer.rows<5, 2>(row_begin, row_end);
  layer.rows<0, 0>(row_begin, row_end);
}

}  // namespace lichen::kernels::avx512
