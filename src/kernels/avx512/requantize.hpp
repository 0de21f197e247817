// SPDX-License-Identifier: Apache-2.0
// The fixed-point arithmetic of kernels/fixed_point.hpp, sixteen lanes at a time and equal bit for bit. For files that
// are compiled for AVX-512 only; everything here has internal linkage, so that no other file can get this code.
#pragma once

#include <cstdint>

#include <immintrin.h>

#include "kernels/panels.hpp"

namespace lichen::kernels::avx512 {
namespace {

inline constexpr __mmask16 kOddLanes = 0xAAAA;

struct Lanes {  // the multipliers of sixteen channels
  __m512i value, left, right;
  __m512i odd;        // the values of odd lanes, in the low halves of 64 bits
  __m512i half;       // 2^(right - 1), or 0
  __m512i sign_from;  // shifts a sign bit to 1, or out where right is 0
};

inline Lanes lanes_from(__m512i value, __m512i left, __m512i right) {
  const __mmask16 divides = _mm512_test_epi32_mask(right, right);
  const __m512i one = _mm512_set1_epi32(1);
  return {value,
          left,
          right,
          _mm512_srli_epi64(value, 32),
          _mm512_maskz_sllv_epi32(divides, one, _mm512_sub_epi32(right, one)),
          _mm512_mask_mov_epi32(_mm512_set1_epi32(32), divides, _mm512_set1_epi32(31))};
}
inline Lanes lanes_at(const MultiplierView& m, std::ptrdiff_t at) {
  return lanes_from(_mm512_loadu_si512(m.values + at), _mm512_loadu_si512(m.lefts + at),
                    _mm512_loadu_si512(m.rights + at));
}
inline Lanes lanes_of(Multiplier m) {
  return lanes_from(_mm512_set1_epi32(m.value), _mm512_set1_epi32(m.shift > 0 ? m.shift : 0),
                    _mm512_set1_epi32(m.shift > 0 ? 0 : -m.shift));
}

// doubling_high_multiply(x, m) for m >= 0: the low half of (x * m + 2^30) >> 31, even and odd lanes apart.
inline __m512i doubling_high_multiply(__m512i x, const Lanes& m) {
  const __m512i nudge = _mm512_set1_epi64(std::int64_t{1} << 30);
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(x, m.value), nudge);
  const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(x, 32), m.odd), nudge);
  return _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 31), kOddLanes, _mm512_slli_epi64(odd, 1));
}

// x / 2^right, ties away from zero: adding a half and taking one away below zero makes the floor do it. Sums must not
// overflow: |x| < 2^30.
inline __m512i divide_bounded(__m512i x, const Lanes& m) {
  const __m512i below = _mm512_srlv_epi32(x, m.sign_from);
  return _mm512_srav_epi32(_mm512_sub_epi32(_mm512_add_epi32(x, m.half), below), m.right);
}

// The same for every x.
inline __m512i divide(__m512i x, const Lanes& m) {
  const __m512i one = _mm512_set1_epi32(1);
  const __m512i mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, m.right), one);
  const __m512i threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), _mm512_srai_epi32(x, 31));
  const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(x, mask), threshold);
  const __m512i shifted = _mm512_srav_epi32(x, m.right);
  return _mm512_mask_add_epi32(shifted, up, shifted, one);
}

// IntegerOutput::bounded: nothing is shifted left.
inline __m512i multiply_bounded(__m512i x, const Lanes& m) {
  return divide_bounded(doubling_high_multiply(x, m), m);
}
inline __m512i multiply(__m512i x, const Lanes& m) {
  return divide(doubling_high_multiply(_mm512_sllv_epi32(x, m.left), m), m);
}

// (x * value + 2^(shift - 1)) >> shift of one half of the lanes; the result is in the low half of each.
inline __m512i multiply_once_half(__m512i x, __m512i value, __m512i shift) {
  const __m512i one = _mm512_set1_epi64(1);
  const __m512i round = _mm512_sllv_epi64(one, _mm512_sub_epi64(shift, one));
  return _mm512_srav_epi64(_mm512_add_epi64(_mm512_mul_epi32(x, value), round), shift);
}

inline __m512i multiply_rounding_once(__m512i x, const Lanes& m) {
  const __m512i even = multiply_once_half(x, m.value, _mm512_and_si512(m.right, _mm512_set1_epi64(0xFFFFFFFF)));
  const __m512i odd =
      multiply_once_half(_mm512_srli_epi64(x, 32), m.odd, _mm512_srli_epi64(m.right, 32));
  return _mm512_mask_mov_epi32(even, kOddLanes, _mm512_slli_epi64(odd, 32));
}

inline __m512i scaled(__m512i x, const Lanes& m, const IntegerOutput& o) {
  if (o.rounds_once) return multiply_rounding_once(x, m);
  return o.bounded ? multiply_bounded(x, m) : multiply(x, m);
}

// Sixteen scaled sums as stored bytes.
inline __m128i finish(__m512i x, const IntegerOutput& o) {
  const __m512i moved = _mm512_add_epi32(x, _mm512_set1_epi32(o.zero_point));
  return _mm512_cvtepi32_epi8(
      _mm512_min_epi32(_mm512_max_epi32(moved, _mm512_set1_epi32(o.clamp.min)), _mm512_set1_epi32(o.clamp.max)));
}

inline void store_bytes(__m128i bytes, void* to, std::ptrdiff_t count) {
  if (count >= 16) {
    _mm_storeu_si128(static_cast<__m128i*>(to), bytes);
  } else {
    _mm_mask_storeu_epi8(to, static_cast<__mmask16>((1U << count) - 1), bytes);
  }
}

}  // namespace
}  // namespace lichen::kernels::avx512
