// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu.hpp"

namespace lichen::kernels {

CpuFeatures detect_cpu() {
  CpuFeatures features;
#if LICHEN_KERNELS_AVX2
  __builtin_cpu_init();
  features.avx2_fma = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#endif
  return features;
}

}  // namespace lichen::kernels
