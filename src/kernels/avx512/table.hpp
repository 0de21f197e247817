// SPDX-License-Identifier: Apache-2.0
// Bytes through a table of 256, for AVX-512 with VBMI: call only where CpuFeatures::avx512_vbmi is set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lichen::kernels::avx512 {

void look_up(std::ptrdiff_t count, const std::uint8_t* in, const std::uint8_t* table, std::uint8_t* out);

}  // namespace lichen::kernels::avx512
