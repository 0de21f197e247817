// SPDX-License-Identifier: Apache-2.0
// What this CPU can do, asked once and handed in: kernels are chosen by value, so a test can ask for any set.
#pragma once

namespace lichen::kernels {

struct CpuFeatures {
  bool avx2_fma = false;
  bool avx512_vnni = false;  // F, BW, DQ, VL and VNNI; only beside avx2_fma
  bool avx512_vbmi = false;  // only beside avx512_vnni
  bool neon = false;         // every arm64 CPU
  bool dotprod = false;      // sdot, of ARMv8.2; only beside neon
};

[[nodiscard]] CpuFeatures detect_cpu();
// Is everything that `wanted` asks for in `cpu`?
[[nodiscard]] bool has(const CpuFeatures& cpu, const CpuFeatures& wanted);

}  // namespace lichen::kernels
