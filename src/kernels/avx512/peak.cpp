// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/peak_loops.hpp"

namespace lichen::kernels::avx512 {
namespace {
constexpr int kSums = 12;  // enough to hide the latency of a multiply-add on all ports
constexpr int kRounds = 100'000;
}  // namespace

PeakLoop peak_f32() {
  __m512 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 a = _mm512_set1_ps(0.9999F);
  const __m512 b = _mm512_set1_ps(0.0001F);
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_fmadd_ps(sums[i], a, b);
  }
  __m512 all = sums[0];
  for (int i = 1; i < kSums; ++i) all = _mm512_add_ps(all, sums[i]);
  return {2.0 * 16 * kSums * kRounds, static_cast<double>(_mm512_cvtss_f32(all))};
}

PeakLoop peak_i8() {
  __m512i sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_epi32(i);
  __m512i a = _mm512_set1_epi8(3);
  const __m512i b = _mm512_set1_epi8(5);
  for (int round = 0; round < kRounds; ++round) {
    __asm__ volatile("" : "+v"(a));  // the product is not the same in every round, as far as the compiler knows
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
  }
  __m512i all = sums[0];
  for (int i = 1; i < kSums; ++i) all = _mm512_add_epi32(all, sums[i]);
  return {2.0 * 64 * kSums * kRounds, static_cast<double>(_mm512_cvtsi512_si32(all))};
}

}  // namespace lichen::kernels::avx512
