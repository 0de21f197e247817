// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/pool2d.hpp"

namespace lichen::kernels::reference {
namespace {

struct Box {  // the part of a window that is inside of the image: rows [y0, y1), columns [x0, x1)
  Index y0, y1, x0, x1;
  [[nodiscard]] Index count() const { return (y1 - y0) * (x1 - x0); }
};

Box box_of(const Window2D& w, Index oy, Index ox) {
  const Index y = oy * w.stride_h - w.pad_h;
  const Index x = ox * w.stride_w - w.pad_w;
  return {std::max<Index>(y, 0), std::min(y + w.filter_h, w.in_h), std::max<Index>(x, 0),
          std::min(x + w.filter_w, w.in_w)};
}

// finish(box, channel values by folding) for every output, in order.
template <typename T, typename Acc, typename Fold, typename Finish>
void pool(const Window2D& w, const T* in, Acc start, Fold fold, Finish finish) {
  Index at = 0;
  for (Index n = 0; n < w.batch; ++n) {
    for (Index oy = 0; oy < w.out_h; ++oy) {
      for (Index ox = 0; ox < w.out_w; ++ox) {
        const Box box = box_of(w, oy, ox);
        for (Index c = 0; c < w.out_c; ++c) {
          Acc acc = start;
          for (Index y = box.y0; y < box.y1; ++y) {
            for (Index x = box.x0; x < box.x1; ++x) acc = fold(acc, in[((n * w.in_h + y) * w.in_w + x) * w.in_c + c]);
          }
          finish(at++, acc, box.count());
        }
      }
    }
  }
}

}  // namespace

void average_pool2d(const Window2D& w, const float* in, FloatRange range, float* out) {
  pool(
      w, in, 0.0F, [](float acc, float v) { return acc + v; },
      [&](Index at, float acc, Index count) {
        out[at] = std::min(std::max(acc / static_cast<float>(count), range.min), range.max);
      });
}

template <typename T>
void average_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, T* out) {
  pool(
      w, in, std::int64_t{0}, [](std::int64_t acc, T v) { return acc + v; },
      [&](Index at, std::int64_t acc, Index count) {
        const std::int64_t half = acc > 0 ? count / 2 : -(count / 2);
        out[at] = static_cast<T>(std::clamp<std::int64_t>((acc + half) / count, clamp.min, clamp.max));
      });
}

void max_pool2d(const Window2D& w, const float* in, FloatRange range, float* out) {
  pool(
      w, in, std::numeric_limits<float>::lowest(), [](float acc, float v) { return std::max(acc, v); },
      [&](Index at, float acc, Index) { out[at] = std::min(std::max(acc, range.min), range.max); });
}

template <typename T>
void max_pool2d(const Window2D& w, const T* in, IntegerClamp clamp, T* out) {
  pool(
      w, in, std::int32_t{std::numeric_limits<T>::min()},
      [](std::int32_t acc, T v) { return std::max<std::int32_t>(acc, v); },
      [&](Index at, std::int32_t acc, Index) { out[at] = static_cast<T>(std::clamp(acc, clamp.min, clamp.max)); });
}

template void average_pool2d(const Window2D&, const std::int8_t*, IntegerClamp, std::int8_t*);
template void average_pool2d(const Window2D&, const std::uint8_t*, IntegerClamp, std::uint8_t*);
template void max_pool2d(const Window2D&, const std::int8_t*, IntegerClamp, std::int8_t*);
template void max_pool2d(const Window2D&, const std::uint8_t*, IntegerClamp, std::uint8_t*);

}  // namespace lichen::kernels::reference
