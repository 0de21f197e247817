// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/hybrid.hpp"

#include <cmath>

#include "kernels/reference/conv2d.hpp"

namespace lichen::kernels::reference {
namespace {

Quantized quantize_range(const float* in, Index count, std::int8_t* out) {
  constexpr double kMin = -128.0;
  constexpr double kMax = 127.0;
  double low = 0.0;
  double high = 0.0;
  for (Index i = 0; i < count; ++i) {
    low = std::min(low, double{in[i]});
    high = std::max(high, double{in[i]});
  }
  const double step = (high - low) / (kMax - kMin);
  if (!(step > 0.0 && std::isfinite(step))) {
    std::fill_n(out, count, std::int8_t{0});
    return {};
  }
  // From the end that loses less.
  const double from_low = kMin - low / step;
  const double from_high = kMax - high / step;
  const bool low_is_better = -kMin + std::abs(low / step) < kMax + std::abs(high / step);
  const double zero = std::round(std::clamp(low_is_better ? from_low : from_high, kMin, kMax));
  const Quantized q{static_cast<float>(step), static_cast<std::int32_t>(zero)};
  const float inverse = 1.0F / q.scale;
  for (Index i = 0; i < count; ++i) {
    const float x = std::round(static_cast<float>(q.zero_point) + in[i] * inverse);
    out[i] = static_cast<std::int8_t>(std::isnan(x) ? 0.0F : std::clamp(x, -128.0F, 127.0F));
  }
  return q;
}

float scale_of(std::span<const float> scales, Index channel) {
  return scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

float finished(std::int32_t sum, float scale, const float* bias, Index c, FloatRange range) {
  const float value = static_cast<float>(sum) * scale + (bias == nullptr ? 0.0F : bias[c]);
  return std::min(std::max(value, range.min), range.max);
}

// take(pixel in the image, tap) for each tap in it.
template <typename Take>
void each_tap(const Window2D& w, Index oy, Index ox, Take take) {
  for (Index ky = 0; ky < w.filter_h; ++ky) {
    const Index y = oy * w.stride_h - w.pad_h + ky * w.dilation_h;
    if (!inside(y, w.in_h)) continue;
    for (Index kx = 0; kx < w.filter_w; ++kx) {
      const Index x = ox * w.stride_w - w.pad_w + kx * w.dilation_w;
      if (inside(x, w.in_w)) take(y * w.in_w + x, ky * w.filter_w + kx);
    }
  }
}

// compute(output row and column, channel, zero point) gives the sum of each output.
template <typename Compute>
void each_output(const Window2D& w, const float* in, std::span<const float> scales, const float* bias, FloatRange range,
                 std::int8_t* image, float* out, Compute compute) {
  const Index size = w.in_h * w.in_w * w.in_c;
  for (Index n = 0; n < w.batch; ++n) {
    const Quantized q = quantize_hybrid(in + n * size, size, true, image);
    for (Index at = 0; at < w.out_h * w.out_w; ++at) {
      for (Index c = 0; c < w.out_c; ++c) {
        const std::int32_t sum = compute(at / w.out_w, at % w.out_w, c, q.zero_point);
        *out++ = finished(sum, q.scale * scale_of(scales, c), bias, c, range);
      }
    }
  }
}

}  // namespace

Quantized quantize_hybrid(const float* in, Index count, bool asymmetric, std::int8_t* out) {
  if (asymmetric) return quantize_range(in, count, out);
  return {quantize_symmetric(in, count, out), 0};
}

void add_hybrid_products(const std::int8_t* weights, float scale, const std::int8_t* x, const Quantized& q, Index rows,
                         Index depth, float* to) {
  const float together = scale * q.scale;
  for (Index row = 0; row < rows; ++row, weights += depth) {
    std::int32_t sum = 0;
    for (Index i = 0; i < depth; ++i) sum = wrapping_add(sum, (x[i] - q.zero_point) * weights[i]);
    to[row] += static_cast<float>(sum) * together;
  }
}

void fully_connected_hybrid(const MatrixSize& m, const float* in, const std::int8_t* weights,
                            std::span<const float> scales, const float* bias, bool asymmetric, FloatRange range,
                            std::int8_t* row, float* out) {
  for (Index r = 0; r < m.rows; ++r) {
    const Quantized q = quantize_hybrid(in + r * m.depth, m.depth, asymmetric, row);
    for (Index unit = 0; unit < m.units; ++unit) {
      const std::int8_t* k = weights + unit * m.depth;
      std::int32_t sum = 0;
      for (Index i = 0; i < m.depth; ++i) sum = wrapping_add(sum, (row[i] - q.zero_point) * k[i]);
      *out++ = finished(sum, q.scale * scale_of(scales, unit), bias, unit, range);
    }
  }
}

void conv2d_hybrid_channels(const Window2D& w, const float* in, const std::int8_t* weights,
                            std::span<const float> scales, const float* bias, FloatRange range, std::int8_t* image,
                            float* out) {
  const Index depth = w.in_c / w.groups;
  each_output(w, in, scales, bias, range, image, out, [&](Index oy, Index ox, Index c, std::int32_t zero_point) {
    const Index first = c / (w.out_c / w.groups) * depth;
    std::int32_t sum = 0;
    each_tap(w, oy, ox, [&](Index pixel, Index tap) {
      const std::int8_t* x = image + pixel * w.in_c + first;
      const std::int8_t* k = weights + (c * w.filter_h * w.filter_w + tap) * depth;
      for (Index i = 0; i < depth; ++i) sum = wrapping_add(sum, (x[i] - zero_point) * k[i]);
    });
    return sum;
  });
}

void depthwise_conv2d_hybrid(const Window2D& w, const float* in, const std::int8_t* weights,
                             std::span<const float> scales, const float* bias, FloatRange range, std::int8_t* image,
                             float* out) {
  each_output(w, in, scales, bias, range, image, out, [&](Index oy, Index ox, Index c, std::int32_t zero_point) {
    const Index from = c / (w.out_c / w.in_c);
    std::int32_t sum = 0;
    each_tap(w, oy, ox, [&](Index pixel, Index tap) {
      sum = wrapping_add(sum, (image[pixel * w.in_c + from] - zero_point) * weights[tap * w.out_c + c]);
    });
    return sum;
  });
}

}  // namespace lichen::kernels::reference
