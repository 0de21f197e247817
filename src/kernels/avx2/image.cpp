// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/image.hpp"

#include <immintrin.h>

namespace lichen::kernels::avx2 {
namespace {

constexpr Index kSlack = 2;  // elements that a pair of the last segment may read beyond the end

template <typename T>
inline void zero(T* to, Index count) {
  if (count > 0) __builtin_memset(to, 0, static_cast<std::size_t>(count) * sizeof(T));
}
struct Zeros {
  template <typename T>
  void operator()(T* to, Index count) const {
    zero(to, count);
  }
};

template <typename T>
inline void widen_values(const T* in, Index count, std::int32_t zero_point, std::int16_t* to) {
  const __m256i zero_points = _mm256_set1_epi16(static_cast<std::int16_t>(zero_point));
  Index i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    __m256i words;
    if constexpr (static_cast<T>(-1) < T{0}) {
      words = _mm256_cvtepi8_epi16(bytes);
    } else {
      words = _mm256_cvtepu8_epi16(bytes);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_sub_epi16(words, zero_points));
  }
  for (; i < count; ++i) to[i] = static_cast<std::int16_t>(in[i] - zero_point);
}

// row(in, count, to) copies whole pixels side by side; where pixels grow, one by one.
template <typename In, typename Out, typename CopyValues, typename Fill = Zeros>
inline void fill_image(const Window2D& w, const PaddedImage& image, const In* in, Index row_begin, Index row_end, Out* to,
                       CopyValues copy, Fill fill = {}) {
  const Index row = image.width * image.pixel;
  const Index columns = w.in_w < image.width - w.pad_w ? w.in_w : image.width - w.pad_w;
  to += row_begin * row;
  for (Index at_row = row_begin; at_row < row_end; ++at_row, to += row) {
    const Index from_y = at_row % image.height - w.pad_h;
    if (!inside(from_y, w.in_h)) {
      fill(to, row);
      continue;
    }
    const In* from = in + (at_row / image.height * w.in_h + from_y) * w.in_w * w.in_c;
    fill(to, w.pad_w * image.pixel);
    Out* at = to + w.pad_w * image.pixel;
    if (image.pixel == w.in_c) {
      copy(from, columns * w.in_c, at);
    } else {
      for (Index x = 0; x < columns; ++x) {
        copy(from + x * w.in_c, w.in_c, at + x * image.pixel);
        fill(at + x * image.pixel + w.in_c, image.pixel - w.in_c);
      }
    }
    fill(at + columns * image.pixel, (image.width - w.pad_w - columns) * image.pixel);
  }
}

}  // namespace

void pad_image(const Window2D& w, const PaddedImage& image, const float* in, Index row_begin, Index row_end,
               float* to) {
  fill_image(w, image, in, row_begin, row_end, to, [](const float* from, Index count, float* at) {
    __builtin_memcpy(at, from, static_cast<std::size_t>(count) * sizeof(float));
  });
}

void pad_bytes(const Window2D& w, const PaddedImage& image, const std::uint8_t* in, std::uint8_t zero_point,
               Index row_begin, Index row_end, std::uint8_t* to) {
  fill_image(
      w, image, in, row_begin, row_end, to,
      [](const std::uint8_t* from, Index count, std::uint8_t* at) {
        __builtin_memcpy(at, from, static_cast<std::size_t>(count));
      },
      [zero_point](std::uint8_t* at, Index count) {
        if (count > 0) __builtin_memset(at, zero_point, static_cast<std::size_t>(count));
      });
}

template <typename T>
void widen_image(const Window2D& w, const PaddedImage& image, const T* in, std::int32_t zero_point, Index row_begin,
                 Index row_end, std::int16_t* to) {
  fill_image(w, image, in, row_begin, row_end, to,
             [zero_point](const T* from, Index count, std::int16_t* at) { widen_values(from, count, zero_point, at); });
  const Index row = image.width * image.pixel;
  if (row_end == w.batch * image.height) zero(to + row_end * row, kSlack);
}

template <typename T>
void widen(const T* in, Index count, std::int32_t zero_point, std::int16_t* to) {
  widen_values(in, count, zero_point, to);
  zero(to + count, kSlack);
}

template void widen_image(const Window2D&, const PaddedImage&, const std::int8_t*, std::int32_t, Index, Index,
                          std::int16_t*);
template void widen_image(const Window2D&, const PaddedImage&, const std::uint8_t*, std::int32_t, Index, Index,
                          std::int16_t*);
template void widen(const std::int8_t*, Index, std::int32_t, std::int16_t*);
template void widen(const std::uint8_t*, Index, std::int32_t, std::int16_t*);

}  // namespace lichen::kernels::avx2
