// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx512/table.hpp"

#include <immintrin.h>

namespace lichen::kernels::avx512 {

void look_up(std::ptrdiff_t count, const std::uint8_t* in, const std::uint8_t* table, std::uint8_t* out) {
  constexpr std::ptrdiff_t kBytes = 64;
  const __m512i quarters[] = {_mm512_loadu_si512(table), _mm512_loadu_si512(table + kBytes),
                              _mm512_loadu_si512(table + 2 * kBytes), _mm512_loadu_si512(table + 3 * kBytes)};
  for (std::ptrdiff_t i = 0; i < count; i += kBytes) {
    const __mmask64 there = count - i >= kBytes ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
    const __m512i at = _mm512_maskz_loadu_epi8(there, in + i);
    const __m512i low = _mm512_permutex2var_epi8(quarters[0], at, quarters[1]);
    const __m512i high = _mm512_permutex2var_epi8(quarters[2], at, quarters[3]);
    _mm512_mask_storeu_epi8(out + i, there, _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(at), high));
  }
}

}  // namespace lichen::kernels::avx512
