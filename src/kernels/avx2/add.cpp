// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/add.hpp"

#include "kernels/avx2/requantize.hpp"

namespace lichen::kernels::avx2 {
namespace {

inline Lanes lanes_of(Multiplier m) {
  return {_mm256_set1_epi32(m.value), _mm256_set1_epi32(m.shift > 0 ? m.shift : 0),
          _mm256_set1_epi32(m.shift > 0 ? 0 : -m.shift)};
}

struct Side {
  __m256i zero_point;
  Lanes multiplier;

  // Eight stored values in the low bytes of `bytes`, shifted and scaled.
  template <typename T>
  [[nodiscard]] __m256i scaled(__m128i bytes) const {
    __m256i wide;
    if constexpr (static_cast<T>(-1) < T{0}) {
      wide = _mm256_cvtepi8_epi32(bytes);
    } else {
      wide = _mm256_cvtepu8_epi32(bytes);
    }
    return multiply(_mm256_slli_epi32(_mm256_sub_epi32(wide, zero_point), reference::kAddLeftShift), multiplier);
  }
};

template <typename T>
struct Adder {
  Side a, b;
  Lanes out;
  __m256i zero_point, min, max;

  [[nodiscard]] __m256i eight(__m128i x, __m128i y) const {
    const __m256i sum = _mm256_add_epi32(a.template scaled<T>(x), b.template scaled<T>(y));
    return clamp(_mm256_add_epi32(multiply(sum, out), zero_point), min, max);
  }
  [[nodiscard]] __m128i sixteen(__m128i x, __m128i y) const {
    const __m256i low = eight(x, y);
    const __m256i high = eight(_mm_srli_si128(x, 8), _mm_srli_si128(y, 8));
    return to_bytes<T>(_mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8));
  }
};

}  // namespace

template <typename T>
void add(Index count, const T* a, const T* b, const reference::AddQuantized& q, T* out) {
  const Adder<T> adder{{_mm256_set1_epi32(q.zero_point_a), lanes_of(q.multiplier_a)},
                       {_mm256_set1_epi32(q.zero_point_b), lanes_of(q.multiplier_b)},
                       lanes_of(q.multiplier_out),
                       _mm256_set1_epi32(q.zero_point_out),
                       _mm256_set1_epi32(q.clamp.min),
                       _mm256_set1_epi32(q.clamp.max)};
  const auto load_bytes = [](const T* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  Index i = 0;
  for (; i + 16 <= count; i += 16) store_bytes(adder.sixteen(load_bytes(a + i), load_bytes(b + i)), out + i, 16);
  if (i == count) return;
  T last_a[16] = {};
  T last_b[16] = {};
  __builtin_memcpy(last_a, a + i, static_cast<std::size_t>(count - i));
  __builtin_memcpy(last_b, b + i, static_cast<std::size_t>(count - i));
  store_bytes(adder.sixteen(load_bytes(last_a), load_bytes(last_b)), out + i, count - i);
}

template void add(Index, const std::int8_t*, const std::int8_t*, const reference::AddQuantized&, std::int8_t*);
template void add(Index, const std::uint8_t*, const std::uint8_t*, const reference::AddQuantized&, std::uint8_t*);

}  // namespace lichen::kernels::avx2
