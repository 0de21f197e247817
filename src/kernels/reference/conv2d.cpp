// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/conv2d.hpp"

#include <cmath>

#include "kernels/reference/sums.hpp"

namespace lichen::kernels::reference {
namespace {

// Calls take(input pixel, weights of that tap) for every tap of output channel c at (n, oy, ox) that is in the image.
// Both have in_c / groups channels, those of c's group.
template <typename T, typename W, typename Take>
void each_tap(const Window2D& w, const T* in, const W* weights, Index n, Index oy, Index ox, Index c, Take take) {
  const Index depth = w.in_c / w.groups;
  const Index first = c / (w.out_c / w.groups) * depth;
  for (Index ky = 0; ky < w.filter_h; ++ky) {
    const Index y = oy * w.stride_h - w.pad_h + ky * w.dilation_h;
    if (!inside(y, w.in_h)) continue;
    for (Index kx = 0; kx < w.filter_w; ++kx) {
      const Index x = ox * w.stride_w - w.pad_w + kx * w.dilation_w;
      if (!inside(x, w.in_w)) continue;
      take(in + ((n * w.in_h + y) * w.in_w + x) * w.in_c + first,
           weights + ((c * w.filter_h + ky) * w.filter_w + kx) * depth);
    }
  }
}

template <typename Compute>
void each_output(const Window2D& w, Compute compute) {
  Index at = 0;
  for (Index n = 0; n < w.batch; ++n) {
    for (Index oy = 0; oy < w.out_h; ++oy) {
      for (Index ox = 0; ox < w.out_w; ++ox) {
        for (Index c = 0; c < w.out_c; ++c) compute(n, oy, ox, c, at++);
      }
    }
  }
}

}  // namespace

void conv2d(const Window2D& w, const float* in, const float* weights, const float* bias, FloatRange range, float* out) {
  each_output(w, [&](Index n, Index oy, Index ox, Index c, Index at) {
    float sum = 0.0F;
    each_tap(w, in, weights, n, oy, ox, c, [&](const float* pixel, const float* tap) {
      for (Index i = 0; i < w.in_c / w.groups; ++i) sum += pixel[i] * tap[i];
    });
    if (bias != nullptr) sum += bias[c];
    out[at] = std::min(std::max(sum, range.min), range.max);
  });
}

template <typename T, typename W, typename Sum>
void conv2d(const Window2D& w, const T* in, const W* weights, const Sum* bias, const Requantization& q, T* out) {
  each_output(w, [&](Index n, Index oy, Index ox, Index c, Index at) {
    Sum sum = 0;
    each_tap(w, in, weights, n, oy, ox, c, [&](const T* pixel, const W* tap) {
      for (Index i = 0; i < w.in_c / w.groups; ++i)
        sum = added(sum, (pixel[i] - q.in_zero_point) * (tap[i] - q.weights_zero_point));
    });
    if (bias != nullptr) sum = added(sum, bias[c]);
    out[at] = stored_of<T>(q, sum, c);
  });
}

float quantize_symmetric(const float* in, Index count, std::int8_t* out) {
  constexpr float kMax = 127.0F;
  float largest = 0.0F;
  for (Index i = 0; i < count; ++i) largest = std::max(largest, std::abs(in[i]));
  if (!(largest > 0.0F && std::isfinite(kMax / largest))) {
    std::fill_n(out, count, std::int8_t{0});
    return 1.0F;
  }
  const float inverse = kMax / largest;
  // Truncating x +- the largest float below a half rounds halves away from zero, for values as small as these. A NaN is
  // below no limit and becomes 0.
  constexpr float kHalf = 0.49999997F;
  for (Index i = 0; i < count; ++i) {
    const float x = in[i] * inverse;
    const float moved = x + (x < 0.0F ? -kHalf : kHalf);
    out[i] =
        std::abs(moved) < kMax + 1.0F ? static_cast<std::int8_t>(static_cast<std::int32_t>(moved)) : std::int8_t{0};
  }
  return largest / kMax;
}

void conv2d_hybrid(const Window2D& w, const float* in, const std::int8_t* weights, float weights_scale,
                   const float* bias, FloatRange range, std::int8_t* quantized, float* out) {
  Window2D one = w;
  one.batch = 1;
  const Index image = w.in_h * w.in_w * w.in_c;
  for (Index n = 0; n < w.batch; ++n) {
    const float scale = quantize_symmetric(in + n * image, image, quantized) * weights_scale;
    float* out_image = out + n * w.out_h * w.out_w * w.out_c;
    each_output(one, [&](Index, Index oy, Index ox, Index c, Index at) {
      std::int32_t sum = 0;
      each_tap(one, quantized, weights, 0, oy, ox, c, [&](const std::int8_t* pixel, const std::int8_t* tap) {
        for (Index i = 0; i < w.in_c / w.groups; ++i) sum = wrapping_add(sum, pixel[i] * tap[i]);
      });
      const float value = static_cast<float>(sum) * scale + (bias != nullptr ? bias[c] : 0.0F);
      out_image[at] = std::min(std::max(value, range.min), range.max);
    });
  }
}

template void conv2d(const Window2D&, const std::int8_t*, const std::int8_t*, const std::int32_t*,
                     const Requantization&, std::int8_t*);
template void conv2d(const Window2D&, const std::uint8_t*, const std::uint8_t*, const std::int32_t*,
                     const Requantization&, std::uint8_t*);
template void conv2d(const Window2D&, const std::int16_t*, const std::int8_t*, const std::int32_t*,
                     const Requantization&, std::int16_t*);
template void conv2d(const Window2D&, const std::int16_t*, const std::int8_t*, const std::int64_t*,
                     const Requantization&, std::int16_t*);

}  // namespace lichen::kernels::reference
