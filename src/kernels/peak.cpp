// SPDX-License-Identifier: Apache-2.0
#include "kernels/peak.hpp"

#include "kernels/peak_loops.hpp"

namespace lichen::kernels {
namespace {

// Keeps the compiler from leaving the loop out.
volatile float float_sink = 0;
volatile int integer_sink = 0;

struct Loops {
  PeakLoop (*f32)();
  PeakLoop (*i8)();
};

Loops loops_of([[maybe_unused]] const CpuFeatures& cpu) {
#if LICHEN_KERNELS_AVX2
  if (cpu.avx512_vnni) return {avx512::peak_f32, avx512::peak_i8};
  if (cpu.avx2_fma) return {avx2::peak_f32, avx2::peak_i8};
#endif
  return {plain_peak, plain_peak};
}

}  // namespace

double burst_f32(const CpuFeatures& cpu) {
  const PeakLoop loop = loops_of(cpu).f32();
  float_sink = float_sink + static_cast<float>(loop.result);
  return loop.operations;
}

double burst_i8(const CpuFeatures& cpu) {
  const PeakLoop loop = loops_of(cpu).i8();
  integer_sink = integer_sink + static_cast<int>(loop.result);
  return loop.operations;
}

// Without vector instructions that we know of: eight sums side by side, which the compiler may turn into what there is.
PeakLoop plain_peak() {
  constexpr int kSums = 32;
  constexpr int kRounds = 200'000;
  float sums[kSums] = {};
  float a = 1.0000001F;
  for (int i = 0; i < kRounds; ++i) {
    for (float& sum : sums) sum = sum * a + 0.5F;
  }
  double total = 0;
  for (const float sum : sums) total += static_cast<double>(sum);
  return {2.0 * kSums * kRounds, total > 1e30 ? 1.0 : 0.0};
}

}  // namespace lichen::kernels
