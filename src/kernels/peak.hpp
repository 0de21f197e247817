// SPDX-License-Identifier: Apache-2.0
// Loops that do nothing but multiply and add, with the widest instructions that kernels use on this CPU: what a core
// could do at best. The caller takes the time.
#pragma once

#include "kernels/cpu.hpp"

namespace lichen::kernels {

// Does some milliseconds' worth of multiply-adds in f32, or of i8 by i8 into i32; returns how many operations those were
// (two for each multiply-add).
[[nodiscard]] double burst_f32(const CpuFeatures& cpu);
[[nodiscard]] double burst_i8(const CpuFeatures& cpu);

}  // namespace lichen::kernels
