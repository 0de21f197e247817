// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx512/pool2d.hpp"

#include <immintrin.h>

namespace lichen::kernels::avx512 {
namespace {

// The part of a window that is inside of the image: `rows` by `columns` from `at` on.
template <typename T>
struct Box {
  const T* at;
  Index rows, columns;
};

inline Index max_of(Index a, Index b) {
  return a > b ? a : b;
}
inline Index min_of(Index a, Index b) {
  return a < b ? a : b;
}

// block(box, channel, channels of the block, where its output goes) for all outputs of the rows.
template <Index kBlock, typename T, typename Block>
inline void each_block(const Window2D& w, const T* in, Index row_begin, Index row_end, T* out, const Block& block) {
  for (Index row = row_begin; row < row_end; ++row) {
    const Index y = row % w.out_h * w.stride_h - w.pad_h;
    const Index y0 = max_of(y, 0);
    const Index y1 = min_of(y + w.filter_h, w.in_h);
    for (Index ox = 0; ox < w.out_w; ++ox) {
      const Index x = ox * w.stride_w - w.pad_w;
      const Index x0 = max_of(x, 0);
      const Index x1 = min_of(x + w.filter_w, w.in_w);
      const T* at = in + ((row / w.out_h * w.in_h + y0) * w.in_w + x0) * w.in_c;
      T* to = out + (row * w.out_w + ox) * w.in_c;
      for (Index channel = 0; channel < w.in_c; channel += kBlock)
        block(Box<T>{at + channel, max_of(y1 - y0, 0), max_of(x1 - x0, 0)}, min_of(kBlock, w.in_c - channel), to + channel);
    }
  }
}

// fold(accumulator, place) over the positions of a box.
template <typename T, typename Acc, typename Fold>
inline Acc folded(const Window2D& w, const Box<T>& box, Acc acc, const Fold& fold) {
  for (Index y = 0; y < box.rows; ++y) {
    const T* at = box.at + y * w.in_w * w.in_c;
    for (Index x = 0; x < box.columns; ++x, at += w.in_c) acc = fold(acc, at);
  }
  return acc;
}

constexpr Index kLanes = 16;

inline __mmask16 first(Index count) {
  return static_cast<__mmask16>((1U << count) - 1);
}
inline __mmask64 first_bytes(Index count) {
  return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

struct Clamp {
  __m512 min, max;
  explicit Clamp(FloatRange range) : min(_mm512_set1_ps(range.min)), max(_mm512_set1_ps(range.max)) {}
  [[nodiscard]] __m512 operator()(__m512 x) const { return _mm512_min_ps(max, _mm512_max_ps(min, x)); }
};

template <typename T>
inline __m512i widened(const T* at, __mmask16 there) {
  const __m128i bytes = _mm_maskz_loadu_epi8(there, at);
  if constexpr (static_cast<T>(-1) < T{0}) return _mm512_cvtepi8_epi32(bytes);
  return _mm512_cvtepu8_epi32(bytes);
}

}  // namespace

void average_pool2d(const Window2D& w, const float* in, FloatRange range, Index row_begin, Index row_end, float* out) {
  const Clamp clamp(range);
  each_block<kLanes>(w, in, row_begin, row_end, out, [&](const Box<float>& box, Index count, float* to) {
    const __mmask16 there = first(count);
    const __m512 sum = folded(w, box, _mm512_setzero_ps(), [&](__m512 acc, const float* at) {
      return _mm512_add_ps(acc, _mm512_maskz_loadu_ps(there, at));
    });
    const __m512 divisor = _mm512_set1_ps(static_cast<float>(max_of(box.rows * box.columns, 1)));
    _mm512_mask_storeu_ps(to, there, clamp(_mm512_div_ps(sum, divisor)));
  });
}

void max_pool2d(const Window2D& w, const float* in, FloatRange range, Index row_begin, Index row_end, float* out) {
  const Clamp clamp(range);
  const __m512 lowest = _mm512_set1_ps(std::numeric_limits<float>::lowest());
  each_block<kLanes>(w, in, row_begin, row_end, out, [&](const Box<float>& box, Index count, float* to) {
    const __mmask16 there = first(count);
    const __m512 largest = folded(w, box, lowest, [&](__m512 acc, const float* at) {
      return _mm512_max_ps(_mm512_maskz_loadu_ps(there, at), acc);  // a NaN is not larger
    });
    _mm512_mask_storeu_ps(to, there, clamp(largest));
  });
}

template <typename T>
void average_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, Index row_begin, Index row_end, T* out) {
  const __m512i min = _mm512_set1_epi32(clamp.min);
  const __m512i max = _mm512_set1_epi32(clamp.max);
  each_block<kLanes>(w, in, row_begin, row_end, out, [&](const Box<T>& box, Index count, T* to) {
    const __mmask16 there = first(count);
    const __m512i sum = folded(w, box, _mm512_setzero_si512(), [&](__m512i acc, const T* at) {
      return _mm512_add_epi32(acc, widened(at, there));
    });
    // Half of the divisor goes the way of the sum's sign; the division truncates. Below 2^24 the quotient of f32 is
    // never rounded up to the next integer.
    const auto divisor = static_cast<std::int32_t>(max_of(box.rows * box.columns, 1));
    const __m512i half = _mm512_set1_epi32(divisor / 2);
    const __mmask16 positive = _mm512_cmpgt_epi32_mask(sum, _mm512_setzero_si512());
    const __m512i moved = _mm512_mask_add_epi32(_mm512_sub_epi32(sum, half), positive, sum, half);
    const __m512i mean = _mm512_cvttps_epi32(
        _mm512_div_ps(_mm512_cvtepi32_ps(moved), _mm512_set1_ps(static_cast<float>(divisor))));
    _mm_mask_storeu_epi8(to, there, _mm512_cvtepi32_epi8(_mm512_min_epi32(_mm512_max_epi32(mean, min), max)));
  });
}

template <typename T>
void average_pool2d_even(const Window2D& w, const T* in, const reference::AverageEven& q, Index row_begin,
                         Index row_end, T* out) {
  const __m512 min = _mm512_set1_ps(static_cast<float>(q.clamp.min - q.out_zero_point));
  const __m512 max = _mm512_set1_ps(static_cast<float>(q.clamp.max - q.out_zero_point));
  each_block<kLanes>(w, in, row_begin, row_end, out, [&](const Box<T>& box, Index count, T* to) {
    const __mmask16 there = first(count);
    const __m512i stored = folded(w, box, _mm512_setzero_si512(), [&](__m512i acc, const T* at) {
      return _mm512_add_epi32(acc, widened(at, there));
    });
    const auto positions = static_cast<std::int32_t>(box.rows * box.columns);
    const __m512i sum = _mm512_sub_epi32(stored, _mm512_set1_epi32(positions * q.in_zero_point));
    const __m512 mean = _mm512_div_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(q.scale)),
                                      _mm512_set1_ps(static_cast<float>(positions > 0 ? positions : 1)));
    // Of a NaN both give their second operand.
    const __m512 bounded = _mm512_min_ps(max, _mm512_max_ps(mean, min));
    const __m512i rounded = _mm512_add_epi32(_mm512_cvtps_epi32(bounded), _mm512_set1_epi32(q.out_zero_point));
    _mm_mask_storeu_epi8(to, there, _mm512_cvtepi32_epi8(rounded));
  });
}

template <typename T>
void max_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, Index row_begin, Index row_end, T* out) {
  constexpr bool kSigned = static_cast<T>(-1) < T{0};
  const auto larger = [](__m512i a, __m512i b) { return kSigned ? _mm512_max_epi8(a, b) : _mm512_max_epu8(a, b); };
  const auto smaller = [](__m512i a, __m512i b) { return kSigned ? _mm512_min_epi8(a, b) : _mm512_min_epu8(a, b); };
  const __m512i min = _mm512_set1_epi8(static_cast<char>(clamp.min));
  const __m512i max = _mm512_set1_epi8(static_cast<char>(clamp.max));
  each_block<64>(w, in, row_begin, row_end, out, [&](const Box<T>& box, Index count, T* to) {
    const __mmask64 there = first_bytes(count);
    const __m512i largest = folded(w, box, min, [&](__m512i acc, const T* at) {
      return larger(acc, _mm512_maskz_loadu_epi8(there, at));
    });
    _mm512_mask_storeu_epi8(to, there, smaller(largest, max));
  });
}

template void average_pool2d(const Window2D&, const std::int8_t*, IntegerClamp, Index, Index, std::int8_t*);
template void average_pool2d(const Window2D&, const std::uint8_t*, IntegerClamp, Index, Index, std::uint8_t*);
template void average_pool2d_even(const Window2D&, const std::int8_t*, const reference::AverageEven&, Index, Index,
                                  std::int8_t*);
template void average_pool2d_even(const Window2D&, const std::uint8_t*, const reference::AverageEven&, Index, Index,
                                  std::uint8_t*);
template void max_pool2d(const Window2D&, const std::int8_t*, IntegerClamp, Index, Index, std::int8_t*);
template void max_pool2d(const Window2D&, const std::uint8_t*, IntegerClamp, Index, Index, std::uint8_t*);

}  // namespace lichen::kernels::avx512
