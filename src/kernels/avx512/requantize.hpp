// SPDX-License-Identifier: Apache-2.0
// kernels/fixed_point.hpp's multiplication with one rounding, sixteen lanes at a time and equal bit for bit; the one with
// two roundings is in lanes.hpp. For files that are compiled for AVX-512 only (internal linkage).
#pragma once

#include <cstdint>

#include <immintrin.h>

#include "kernels/panels.hpp"

namespace lichen::kernels::avx512 {
namespace {

// (x * value + 2^(shift - 1)) >> shift of one half of the lanes; the result is in the low half of each.
inline __m512i multiply_once_half(__m512i x, __m512i value, __m512i shift) {
  const __m512i one = _mm512_set1_epi64(1);
  const __m512i round = _mm512_sllv_epi64(one, _mm512_sub_epi64(shift, one));
  return _mm512_srav_epi64(_mm512_add_epi64(_mm512_mul_epi32(x, value), round), shift);
}

// For the multipliers of channels `at` and following, of single_multipliers().
inline __m512i multiply_rounding_once(__m512i x, const MultiplierView& m, std::ptrdiff_t at) {
  const __m512i value = _mm512_loadu_si512(m.values + at);
  const __m512i shift = _mm512_loadu_si512(m.rights + at);
  const __m512i even = multiply_once_half(x, value, _mm512_and_si512(shift, _mm512_set1_epi64(0xFFFFFFFF)));
  const __m512i odd =
      multiply_once_half(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(value, 32), _mm512_srli_epi64(shift, 32));
  return _mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32));
}

}  // namespace
}  // namespace lichen::kernels::avx512
