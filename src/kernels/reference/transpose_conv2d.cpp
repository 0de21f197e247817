// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/transpose_conv2d.hpp"

#include "kernels/reference/sums.hpp"

namespace lichen::kernels::reference {
namespace {

// take(tap, output pixel) for each tap of input pixel (y, x) that falls into an image.
template <typename Take>
void each_tap(const Window2D& w, Index y, Index x, Take take) {
  for (Index ky = 0; ky < w.filter_h; ++ky) {
    const Index oy = y * w.stride_h - w.pad_h + ky * w.dilation_h;
    if (!inside(oy, w.out_h)) continue;
    for (Index kx = 0; kx < w.filter_w; ++kx) {
      const Index ox = x * w.stride_w - w.pad_w + kx * w.dilation_w;
      if (inside(ox, w.out_w)) take(ky * w.filter_w + kx, oy * w.out_w + ox);
    }
  }
}

// add(sum of products, element of the image) for every product of one image.
template <typename Sum, typename T, typename W, typename Multiply, typename Add>
void each_product(const Window2D& w, const T* image, const W* weights, Multiply multiply, Add add) {
  const Index depth = w.in_c / w.groups;
  const Index taps = w.filter_h * w.filter_w;
  const Index group = w.out_c / w.groups;
  for (Index pixel = 0; pixel < w.in_h * w.in_w; ++pixel) {
    const T* from = image + pixel * w.in_c;
    each_tap(w, pixel / w.in_w, pixel % w.in_w, [&](Index tap, Index to) {
      for (Index c = 0; c < w.out_c; ++c) {
        const T* x = from + c / group * depth;
        const W* k = weights + (c * taps + tap) * depth;
        Sum sum{};
        for (Index i = 0; i < depth; ++i) sum = multiply(sum, x[i], k[i]);
        add(sum, to * w.out_c + c);
      }
    });
  }
}

}  // namespace

void transpose_conv2d_start(const Window2D& w, const float* bias, float* out) {
  const Index pixels = w.batch * w.out_h * w.out_w;
  if (bias == nullptr) {
    std::fill_n(out, pixels * w.out_c, 0.0F);
    return;
  }
  for (Index i = 0; i < pixels; ++i) std::copy_n(bias, w.out_c, out + i * w.out_c);
}

void transpose_conv2d_add_row(const Window2D& w, Index n, Index y, const float* products, float* out) {
  float* image = out + n * w.out_h * w.out_w * w.out_c;
  for (Index x = 0; x < w.in_w; ++x) {
    const float* from = products + x * w.filter_h * w.filter_w * w.out_c;
    each_tap(w, y, x, [&](Index tap, Index to) {
      for (Index c = 0; c < w.out_c; ++c) image[to * w.out_c + c] += from[tap * w.out_c + c];
    });
  }
}

void transpose_conv2d_finish(const Window2D& w, FloatRange range, float* out) {
  const Index count = w.batch * w.out_h * w.out_w * w.out_c;
  for (Index i = 0; i < count; ++i) out[i] = std::min(std::max(out[i], range.min), range.max);
}

void transpose_conv2d(const Window2D& w, const float* in, const float* weights, const float* bias, FloatRange range,
                      float* out) {
  transpose_conv2d_start(w, bias, out);
  for (Index n = 0; n < w.batch; ++n) {
    float* image = out + n * w.out_h * w.out_w * w.out_c;
    each_product<float>(
        w, in + n * w.in_h * w.in_w * w.in_c, weights, [](float sum, float x, float k) { return sum + x * k; },
        [image](float sum, Index at) { image[at] += sum; });
  }
  transpose_conv2d_finish(w, range, out);
}

template <typename T, typename W, typename Sum>
void transpose_conv2d(const Window2D& w, const T* in, const W* weights, const Sum* bias, const Requantization& q,
                      Sum* sums, T* out) {
  const Index count = w.out_h * w.out_w * w.out_c;
  for (Index n = 0; n < w.batch; ++n) {
    std::fill_n(sums, count, Sum{0});
    each_product<Sum>(
        w, in + n * w.in_h * w.in_w * w.in_c, weights,
        [&q](Sum sum, T x, W k) { return added(sum, (x - q.in_zero_point) * (k - q.weights_zero_point)); },
        [sums](Sum sum, Index at) { sums[at] = added(sums[at], sum); });
    for (Index i = 0; i < count; ++i) {
      const Index c = i % w.out_c;
      const Sum sum = bias == nullptr ? sums[i] : added(sums[i], bias[c]);
      out[n * count + i] = stored_of<T>(q, sum, c);
    }
  }
}

template void transpose_conv2d(const Window2D&, const std::int8_t*, const std::int8_t*, const std::int32_t*,
                               const Requantization&, std::int32_t*, std::int8_t*);
template void transpose_conv2d(const Window2D&, const std::uint8_t*, const std::uint8_t*, const std::int32_t*,
                               const Requantization&, std::int32_t*, std::uint8_t*);
template void transpose_conv2d(const Window2D&, const std::int16_t*, const std::int8_t*, const std::int32_t*,
                               const Requantization&, std::int32_t*, std::int16_t*);
template void transpose_conv2d(const Window2D&, const std::int16_t*, const std::int8_t*, const std::int64_t*,
                               const Requantization&, std::int64_t*, std::int16_t*);

}  // namespace lichen::kernels::reference
