// SPDX-License-Identifier: Apache-2.0
#include "kernels/neon/image.hpp"

#include <algorithm>

#include <arm_neon.h>

namespace lichen::kernels::neon {
namespace {

// copy(from, count, to) copies whole pixels side by side; outside of the input there is `zero`. Pixels do not grow.
template <typename In, typename Out, typename Copy>
void fill_rows(const Window2D& w, const PaddedImage& image, const In* in, Out zero, Index row_begin, Index row_end,
               Out* to, Copy copy) {
  const Index row = image.width * image.pixel;
  const Index before = w.pad_w * image.pixel;
  const Index inner = std::min(w.in_w, image.width - w.pad_w) * image.pixel;
  for (Index y = row_begin; y < row_end; ++y) {
    Out* at = to + y * row;
    const Index from_y = y % image.height - w.pad_h;
    if (!inside(from_y, w.in_h)) {
      std::fill_n(at, row, zero);
      continue;
    }
    std::fill_n(at, before, zero);
    copy(in + (y / image.height * w.in_h + from_y) * w.in_w * w.in_c, inner, at + before);
    std::fill_n(at + before + inner, row - before - inner, zero);
  }
}

void copy_bytes(const std::int8_t* from, Index count, std::int8_t* to) {
  std::copy_n(from, count, to);
}
void copy_bytes(const std::uint8_t* from, Index count, std::int8_t* to) {
  const uint8x16_t top = vdupq_n_u8(128);
  Index i = 0;
  for (; i + 16 <= count; i += 16) vst1q_s8(to + i, vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from + i), top)));
  for (; i < count; ++i) to[i] = static_cast<std::int8_t>(from[i] - 128);
}

}  // namespace

void pad_image(const Window2D& w, const PaddedImage& image, const float* in, Index row_begin, Index row_end,
               float* to) {
  fill_rows(w, image, in, 0.0F, row_begin, row_end, to,
            [](const float* from, Index count, float* at) { std::copy_n(from, count, at); });
}

template <typename T>
void pad_bytes(const Window2D& w, const PaddedImage& image, const T* in, std::int8_t zero_point, Index row_begin,
               Index row_end, std::int8_t* to) {
  fill_rows(w, image, in, zero_point, row_begin, row_end, to,
            [](const T* from, Index count, std::int8_t* at) { copy_bytes(from, count, at); });
}

template void pad_bytes(const Window2D&, const PaddedImage&, const std::int8_t*, std::int8_t, Index, Index,
                        std::int8_t*);
template void pad_bytes(const Window2D&, const PaddedImage&, const std::uint8_t*, std::int8_t, Index, Index,
                        std::int8_t*);

}  // namespace lichen::kernels::neon
