// SPDX-License-Identifier: Apache-2.0
// exp of sixteen floats. For files that are compiled for AVX-512 only (internal linkage).
#pragma once

#include <immintrin.h>

namespace lichen::kernels::avx512 {
namespace {

// 2^n e^r with n the nearest integer to x / ln 2 and |r| <= ln 2 / 2; the polynomial is Cephes' (expf), its error below
// 2 units in the last place. NaN passes, infinities and overflow are as std::exp has them.
inline __m512 exp_of(__m512 x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kFar = 200.0F;  // the answer is 0 or infinite long before
  // The second operand is the one that passes where either is NaN.
  const __m512 near = _mm512_max_ps(_mm512_set1_ps(-kFar), _mm512_min_ps(_mm512_set1_ps(kFar), x));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(near, _mm512_set1_ps(kLog2E)), _MM_FROUND_TO_NEAREST_INT);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(kLn2High), near);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(kLn2Low), r);
  __m512 p = _mm512_set1_ps(1.9875691500e-4F);
  for (const float c : {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F})
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
  p = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, n);
}

}  // namespace
}  // namespace lichen::kernels::avx512
