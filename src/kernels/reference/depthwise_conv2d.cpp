// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/depthwise_conv2d.hpp"

#include "kernels/reference/sums.hpp"

namespace lichen::kernels::reference {
namespace {

// Calls take(input value, weight) for every tap of output channel c at (n, oy, ox) that is in the image.
template <typename T, typename W, typename Take>
void each_tap(const Window2D& w, const T* in, const W* weights, Index n, Index oy, Index ox, Index c, Take take) {
  const Index in_channel = c / (w.out_c / w.in_c);
  for (Index ky = 0; ky < w.filter_h; ++ky) {
    const Index y = oy * w.stride_h - w.pad_h + ky * w.dilation_h;
    if (!inside(y, w.in_h)) continue;
    for (Index kx = 0; kx < w.filter_w; ++kx) {
      const Index x = ox * w.stride_w - w.pad_w + kx * w.dilation_w;
      if (!inside(x, w.in_w)) continue;
      take(in[((n * w.in_h + y) * w.in_w + x) * w.in_c + in_channel], weights[(ky * w.filter_w + kx) * w.out_c + c]);
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

void depthwise_conv2d(const Window2D& w, const float* in, const float* weights, const float* bias, FloatRange range,
                      float* out) {
  each_output(w, [&](Index n, Index oy, Index ox, Index c, Index at) {
    float sum = 0.0F;
    each_tap(w, in, weights, n, oy, ox, c, [&](float value, float weight) { sum += value * weight; });
    if (bias != nullptr) sum += bias[c];
    out[at] = std::min(std::max(sum, range.min), range.max);
  });
}

template <typename T, typename W, typename Sum>
void depthwise_conv2d(const Window2D& w, const T* in, const W* weights, const Sum* bias, const Requantization& q,
                      T* out) {
  each_output(w, [&](Index n, Index oy, Index ox, Index c, Index at) {
    Sum sum = 0;
    each_tap(w, in, weights, n, oy, ox, c, [&](T value, W weight) {
      sum = added(sum, (value - q.in_zero_point) * (weight - q.weights_zero_point));
    });
    if (bias != nullptr) sum = added(sum, bias[c]);
    out[at] = stored_of<T>(q, sum, c);
  });
}

template void depthwise_conv2d(const Window2D&, const std::int8_t*, const std::int8_t*, const std::int32_t*,
                               const Requantization&, std::int8_t*);
template void depthwise_conv2d(const Window2D&, const std::uint8_t*, const std::uint8_t*, const std::int32_t*,
                               const Requantization&, std::uint8_t*);
template void depthwise_conv2d(const Window2D&, const std::int16_t*, const std::int8_t*, const std::int32_t*,
                               const Requantization&, std::int16_t*);
template void depthwise_conv2d(const Window2D&, const std::int16_t*, const std::int8_t*, const std::int64_t*,
                               const Requantization&, std::int16_t*);

}  // namespace lichen::kernels::reference
