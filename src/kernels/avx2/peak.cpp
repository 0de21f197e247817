// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/peak_loops.hpp"

namespace lichen::kernels::avx2 {
namespace {
constexpr int kSums = 12;  // enough to hide the latency of a multiply-add on all ports
constexpr int kRounds = 100'000;
}  // namespace

PeakLoop peak_f32() {
  __m256 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 a = _mm256_set1_ps(0.9999F);
  const __m256 b = _mm256_set1_ps(0.0001F);
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm256_fmadd_ps(sums[i], a, b);
  }
  __m256 all = sums[0];
  for (int i = 1; i < kSums; ++i) all = _mm256_add_ps(all, sums[i]);
  return {2.0 * 8 * kSums * kRounds, static_cast<double>(_mm256_cvtss_f32(all))};
}

PeakLoop peak_i8() {
  __m256i sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_epi32(i);
  __m256i a = _mm256_set1_epi16(3);
  const __m256i b = _mm256_set1_epi16(5);
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) {
      __asm__ volatile("" : "+x"(a));  // the product is another one each time, as far as the compiler knows
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(a, b));
    }
  }
  __m256i all = sums[0];
  for (int i = 1; i < kSums; ++i) all = _mm256_add_epi32(all, sums[i]);
  return {2.0 * 16 * kSums * kRounds, static_cast<double>(_mm256_extract_epi32(all, 0))};
}

}  // namespace lichen::kernels::avx2
