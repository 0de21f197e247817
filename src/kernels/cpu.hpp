// SPDX-License-Identifier: Apache-2.0
// What this CPU can do, asked once and handed in: kernels are chosen by value, so a test can ask for any set.
#pragma once

namespace lichen::kernels {

struct CpuFeatures {
  bool avx2_fma = false;
};

[[nodiscard]] CpuFeatures detect_cpu();

}  // namespace lichen::kernels
