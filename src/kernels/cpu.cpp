// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu.hpp"

#if LICHEN_KERNELS_NEON
#include <sys/auxv.h>
#endif

namespace lichen::kernels {

CpuFeatures detect_cpu() {
  CpuFeatures features;
#if LICHEN_KERNELS_AVX2
  __builtin_cpu_init();
  features.avx2_fma = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  features.avx512_vnni = features.avx2_fma && __builtin_cpu_supports("avx512f") != 0 &&
                         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
  features.avx512_vbmi = features.avx512_vnni && __builtin_cpu_supports("avx512vbmi") != 0;
#elif LICHEN_KERNELS_NEON
  features.neon = true;
  features.dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#endif
  return features;
}

bool has(const CpuFeatures& cpu, const CpuFeatures& wanted) {
  return (cpu.avx2_fma || !wanted.avx2_fma) && (cpu.avx512_vnni || !wanted.avx512_vnni) &&
         (cpu.avx512_vbmi || !wanted.avx512_vbmi) && (cpu.neon || !wanted.neon) &&
         (cpu.dotprod || !wanted.dotprod);
}

}  // namespace lichen::kernels
