// SPDX-License-Identifier: Apache-2.0
// The fixed-point arithmetic of kernels/fixed_point.hpp, eight lanes at a time and equal bit for bit. For files that
// are compiled for AVX2 only; everything here has internal linkage, so that no other file can get this code.
#pragma once

#include <cstdint>

#include <immintrin.h>

namespace lichen::kernels::avx2 {
namespace {

// doubling_high_multiply(x, m) for m >= 0: the low half of (x * m + 2^30) >> 31, even and odd lanes apart.
inline __m256i doubling_high_multiply(__m256i x, __m256i m) {
  const __m256i nudge = _mm256_set1_epi64x(std::int64_t{1} << 30);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, m), nudge);
  const __m256i odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(m, 32)), nudge);
  return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
}

inline __m256i rounding_divide_by_power_of_two(__m256i x, __m256i exponent) {
  const __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), exponent), _mm256_set1_epi32(1));
  const __m256i remainder = _mm256_and_si256(x, mask);
  const __m256i threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(x, 31));
  return _mm256_sub_epi32(_mm256_srav_epi32(x, exponent), _mm256_cmpgt_epi32(remainder, threshold));
}

struct Lanes {  // the multipliers of eight channels
  __m256i value, left, right;
};

inline __m256i multiply(__m256i x, const Lanes& m) {
  return rounding_divide_by_power_of_two(doubling_high_multiply(_mm256_sllv_epi32(x, m.left), m.value), m.right);
}

// (x * value + 2^(shift - 1)) >> shift of one half of the lanes. AVX2 has no arithmetic 64-bit shift: 2^62 makes the
// sum unsigned and is taken away again.
inline __m256i multiply_once_half(__m256i x, __m256i value, __m256i shift) {
  const __m256i one = _mm256_set1_epi64x(1);
  const __m256i lift = _mm256_set1_epi64x(std::int64_t{1} << 62);
  const __m256i round = _mm256_sllv_epi64(one, _mm256_sub_epi64(shift, one));
  const __m256i sum = _mm256_add_epi64(_mm256_add_epi64(_mm256_mul_epi32(x, value), round), lift);
  return _mm256_sub_epi64(_mm256_srlv_epi64(sum, shift), _mm256_srlv_epi64(lift, shift));
}

inline __m256i multiply_rounding_once(__m256i x, const Lanes& m) {
  const __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
  const __m256i even = multiply_once_half(x, m.value, _mm256_and_si256(m.right, low));
  const __m256i odd =
      multiply_once_half(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(m.value, 32), _mm256_srli_epi64(m.right, 32));
  return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}

inline __m256i load(const void* at) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

inline __m256i clamp(__m256i x, __m256i min, __m256i max) {
  return _mm256_min_epi32(_mm256_max_epi32(x, min), max);
}

// 16 values already within T's range, i16 in order -> 16 bytes.
template <typename T>
inline __m128i to_bytes(__m256i words) {
  const __m128i low = _mm256_castsi256_si128(words);
  const __m128i high = _mm256_extracti128_si256(words, 1);
  if constexpr (static_cast<T>(-1) < T{0}) return _mm_packs_epi16(low, high);
  return _mm_packus_epi16(low, high);
}

// Copies the first `count` of 16 bytes.
inline void store_bytes(__m128i bytes, void* to, std::ptrdiff_t count) {
  if (count >= 16) {
    _mm_storeu_si128(static_cast<__m128i*>(to), bytes);
    return;
  }
  alignas(16) std::uint8_t all[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(all), bytes);
  __builtin_memcpy(to, all, static_cast<std::size_t>(count));
}

}  // namespace
}  // namespace lichen::kernels::avx2
