// SPDX-License-Identifier: Apache-2.0
// The same operations on vectors of 64 and of 32 bytes, by overload: few channels need no wide vectors. For files that
// are compiled for AVX-512 only (internal linkage).
#pragma once

#include <cstdint>

#include <immintrin.h>

#include "kernels/depthwise_panels.hpp"

namespace lichen::kernels::avx512 {
namespace {

template <typename V>
inline constexpr Index kBytesOf = Index{sizeof(V)};

template <typename V>
inline V load(const void* at) {
  if constexpr (sizeof(V) == 64) {
    return _mm512_loadu_si512(at);
  } else {
    return _mm256_loadu_si256(static_cast<const __m256i*>(at));
  }
}
// The first `count` bytes; zeros beyond them are not read.
template <typename V>
inline V load_first(const void* at, Index count) {
  if constexpr (sizeof(V) == 64) {
    return _mm512_maskz_loadu_epi8((__mmask64{1} << count) - 1, at);
  } else {
    return _mm256_maskz_loadu_epi8(static_cast<__mmask32>((std::uint64_t{1} << count) - 1), at);
  }
}
inline void store_first(__m512i v, void* at, Index count) {
  _mm512_mask_storeu_epi8(at, (__mmask64{1} << count) - 1, v);
}
inline void store_first(__m256i v, void* at, Index count) {
  _mm256_mask_storeu_epi8(at, static_cast<__mmask32>((std::uint64_t{1} << count) - 1), v);
}
inline void store(__m512i v, void* at) {
  _mm512_storeu_si512(at, v);
}
inline void store(__m256i v, void* at) {
  _mm256_storeu_si256(static_cast<__m256i*>(at), v);
}

template <typename V>
inline V same(std::int32_t x) {
  if constexpr (sizeof(V) == 64) {
    return _mm512_set1_epi32(x);
  } else {
    return _mm256_set1_epi32(x);
  }
}
template <typename V>
inline V same64(std::int64_t x) {
  if constexpr (sizeof(V) == 64) {
    return _mm512_set1_epi64(x);
  } else {
    return _mm256_set1_epi64x(x);
  }
}
template <typename V>
inline V same_byte(std::int32_t x) {
  if constexpr (sizeof(V) == 64) {
    return _mm512_set1_epi8(static_cast<char>(x));
  } else {
    return _mm256_set1_epi8(static_cast<char>(x));
  }
}

#define LICHEN_BOTH(name, wide, narrow)                               \
  inline __m512i name(__m512i a, __m512i b) { return wide(a, b); }    \
  inline __m256i name(__m256i a, __m256i b) { return narrow(a, b); }
LICHEN_BOTH(bits_xor, _mm512_xor_si512, _mm256_xor_si256)
LICHEN_BOTH(bits_and, _mm512_and_si512, _mm256_and_si256)
LICHEN_BOTH(add32, _mm512_add_epi32, _mm256_add_epi32)
LICHEN_BOTH(sub32, _mm512_sub_epi32, _mm256_sub_epi32)
LICHEN_BOTH(add64, _mm512_add_epi64, _mm256_add_epi64)
LICHEN_BOTH(multiply_even, _mm512_mul_epi32, _mm256_mul_epi32)
LICHEN_BOTH(shift_right, _mm512_srav_epi32, _mm256_srav_epi32)
LICHEN_BOTH(shift_right_unsigned, _mm512_srlv_epi32, _mm256_srlv_epi32)
LICHEN_BOTH(shift_left, _mm512_sllv_epi32, _mm256_sllv_epi32)
LICHEN_BOTH(unpack_low_bytes, _mm512_unpacklo_epi8, _mm256_unpacklo_epi8)
LICHEN_BOTH(unpack_high_bytes, _mm512_unpackhi_epi8, _mm256_unpackhi_epi8)
LICHEN_BOTH(unpack_low_words, _mm512_unpacklo_epi16, _mm256_unpacklo_epi16)
LICHEN_BOTH(unpack_high_words, _mm512_unpackhi_epi16, _mm256_unpackhi_epi16)
LICHEN_BOTH(pack_words, _mm512_packs_epi32, _mm256_packs_epi32)
LICHEN_BOTH(pack_signed_bytes, _mm512_packs_epi16, _mm256_packs_epi16)
LICHEN_BOTH(pack_unsigned_bytes, _mm512_packus_epi16, _mm256_packus_epi16)
LICHEN_BOTH(max_signed_bytes, _mm512_max_epi8, _mm256_max_epi8)
LICHEN_BOTH(min_signed_bytes, _mm512_min_epi8, _mm256_min_epi8)
LICHEN_BOTH(max_unsigned_bytes, _mm512_max_epu8, _mm256_max_epu8)
LICHEN_BOTH(min_unsigned_bytes, _mm512_min_epu8, _mm256_min_epu8)
#undef LICHEN_BOTH

// sum + the products of four unsigned bytes of a by four signed ones of b, in each lane.
inline __m512i dot(__m512i sum, __m512i a, __m512i b) {
  return _mm512_dpbusd_epi32(sum, a, b);
}
inline __m256i dot(__m256i sum, __m256i a, __m256i b) {
  return _mm256_dpbusd_epi32(sum, a, b);
}
inline __m512i odd_down(__m512i a) {  // odd lanes to even ones
  return _mm512_srli_epi64(a, 32);
}
inline __m256i odd_down(__m256i a) {
  return _mm256_srli_epi64(a, 32);
}
// Bits 31 to 62 of 64-bit products, of even lanes and of odd ones, side by side.
inline __m512i bits_from_31(__m512i even, __m512i odd) {
  return _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 31), 0xAAAA, _mm512_slli_epi64(odd, 1));
}
inline __m256i bits_from_31(__m256i even, __m256i odd) {
  return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
}
inline __m512i add_one_above(__m512i x, __m512i a, __m512i b) {  // x + (a > b)
  return _mm512_mask_add_epi32(x, _mm512_cmpgt_epi32_mask(a, b), x, _mm512_set1_epi32(1));
}
inline __m256i add_one_above(__m256i x, __m256i a, __m256i b) {
  return _mm256_sub_epi32(x, _mm256_cmpgt_epi32(a, b));
}

}  // namespace
}  // namespace lichen::kernels::avx512
