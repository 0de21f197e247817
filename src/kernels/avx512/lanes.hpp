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
// The high halves of 64-bit products, of even lanes and of odd ones, side by side.
inline __m512i high_halves(__m512i even, __m512i odd) {
  return _mm512_castps_si512(_mm512_mask_movehdup_ps(_mm512_castsi512_ps(odd), 0x5555, _mm512_castsi512_ps(even)));
}
inline __m256i high_halves(__m256i even, __m256i odd) {
  return _mm256_blend_epi32(odd, _mm256_srli_epi64(even, 32), 0x55);
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

// What follows a sum of a channel (LanePart): fixed_point.hpp's multiply and the zero point, equal bit for bit. `parts`
// is where the parts of these lanes are.
template <typename V>
inline V lane_part(const std::int32_t* parts, LanePart part) {
  return load<V>(parts + part * Index{sizeof(V) / sizeof(std::int32_t)});
}

// For bounded sums. The doubled sum times the value has doubling_high_multiply's result in its high half; adding half a
// divisor, and taking one away below zero, makes the floor of the shift round ties away from zero.
template <typename V>
inline V scaled_bounded(V x, const std::int32_t* parts) {
  const V nudge = same64<V>(std::int64_t{1} << 31);
  const V twice = add32(x, x);
  const V even = add64(multiply_even(twice, lane_part<V>(parts, kLaneValue)), nudge);
  const V odd = add64(multiply_even(odd_down(twice), lane_part<V>(parts, kLaneOdd)), nudge);
  const V high = high_halves(even, odd);
  const V below = shift_right_unsigned(high, lane_part<V>(parts, kLaneSignFrom));
  return shift_right(sub32(add32(high, lane_part<V>(parts, kLaneHalf)), below), lane_part<V>(parts, kLaneRight));
}

// For any sums.
template <typename V>
inline V scaled_any(V x, const std::int32_t* parts, std::int32_t zero_point) {
  const V nudge = same64<V>(std::int64_t{1} << 30);
  const V shifted = shift_left(x, lane_part<V>(parts, kLaneLeft));
  const V even = add64(multiply_even(shifted, lane_part<V>(parts, kLaneValue)), nudge);
  const V odd = add64(multiply_even(odd_down(shifted), lane_part<V>(parts, kLaneOdd)), nudge);
  const V high = bits_from_31(even, odd);
  const V right = lane_part<V>(parts, kLaneRight);
  const V one = same<V>(1);
  const V mask = sub32(shift_left(one, right), one);
  const V threshold = add32(shift_right_unsigned(mask, one), shift_right_unsigned(high, same<V>(31)));
  return add32(add_one_above(shift_right(high, right), bits_and(high, mask), threshold), same<V>(zero_point));
}

// Scales in float, halves to even: kLaneValue holds a float. Clamped before it is rounded, as fixed_point.hpp's
// requantize_nearest_even().
inline __m512i scaled_by_float(__m512i x, const std::int32_t* parts, std::int32_t zero_point, IntegerClamp clamp) {
  const __m512 scale = _mm512_castsi512_ps(lane_part<__m512i>(parts, kLaneValue));
  const __m512 low = _mm512_set1_ps(static_cast<float>(clamp.min - zero_point));
  const __m512 high = _mm512_set1_ps(static_cast<float>(clamp.max - zero_point));
  const __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(x), scale);
  return _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_min_ps(high, _mm512_max_ps(low, real))),
                          _mm512_set1_epi32(zero_point));
}
inline __m256i scaled_by_float(__m256i x, const std::int32_t* parts, std::int32_t zero_point, IntegerClamp clamp) {
  const __m256 scale = _mm256_castsi256_ps(lane_part<__m256i>(parts, kLaneValue));
  const __m256 low = _mm256_set1_ps(static_cast<float>(clamp.min - zero_point));
  const __m256 high = _mm256_set1_ps(static_cast<float>(clamp.max - zero_point));
  const __m256 real = _mm256_mul_ps(_mm256_cvtepi32_ps(x), scale);
  return _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_min_ps(high, _mm256_max_ps(low, real))),
                          _mm256_set1_epi32(zero_point));
}

// Four vectors of lanes as bytes, saturated and clamped; in each 16 bytes four of each vector, in turn.
template <typename T, typename V>
inline V clamped_bytes(V a, V b, V c, V e, IntegerClamp clamp) {
  const V low = pack_words(a, b);
  const V high = pack_words(c, e);
  const V min = same_byte<V>(clamp.min);
  const V max = same_byte<V>(clamp.max);
  if constexpr (static_cast<T>(-1) < T{0})
    return min_signed_bytes(max_signed_bytes(pack_signed_bytes(low, high), min), max);
  return min_unsigned_bytes(max_unsigned_bytes(pack_unsigned_bytes(low, high), min), max);
}

}  // namespace
}  // namespace lichen::kernels::avx512
