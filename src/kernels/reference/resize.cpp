// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/resize.hpp"

#include <algorithm>

namespace lichen::kernels::reference {
namespace {

void weighted_sum(std::span<const Index> places, std::span<const float> weights, Index inner, const float* in,
                  float* out) {
  if (places.size() == 2) {
    const float* a = in + places[0] * inner;
    const float* b = in + places[1] * inner;
    for (Index i = 0; i < inner; ++i) out[i] = weights[0] * a[i] + weights[1] * b[i];
    return;
  }
  std::fill_n(out, inner, 0.0F);
  for (std::size_t t = 0; t < places.size(); ++t) {
    if (weights[t] == 0.0F) continue;  // of a NaN that is not asked for, too
    const float* from = in + places[t] * inner;
    for (Index i = 0; i < inner; ++i) out[i] += weights[t] * from[i];
  }
}

template <typename C, typename T, typename F>
void each_pixel(const Bilinear<C>& b, const T* in, T* out, Index begin, Index end, const F& blend) {
  const auto out_h = static_cast<Index>(b.y.at.size());
  const auto out_w = static_cast<Index>(b.x.at.size());
  for (Index row = begin; row < end; ++row) {
    const auto y = static_cast<std::size_t>(row % out_h);
    const T* image = in + row / out_h * b.in_h * b.in_w * b.channels;
    const T* above = image + b.y.lower[y] * b.in_w * b.channels;
    const T* below = image + b.y.upper[y] * b.in_w * b.channels;
    T* to = out + row * out_w * b.channels;
    const C dy = b.y.at[y] - static_cast<C>(b.y.lower[y]) * blend.one();
    for (std::size_t x = 0; x < b.x.at.size(); ++x) {
      const C dx = b.x.at[x] - static_cast<C>(b.x.lower[x]) * blend.one();
      const Index left = b.x.lower[x] * b.channels;
      const Index right = b.x.upper[x] * b.channels;
      for (Index c = 0; c < b.channels; ++c)
        *to++ = blend(above[left + c], below[left + c], above[right + c], below[right + c], dy, dx);
    }
  }
}

template <typename T>
struct BlendFixed {
  [[nodiscard]] std::int32_t one() const { return kBilinearOne; }
  T operator()(T a, T b, T c, T d, std::int32_t dy, std::int32_t dx) const {
    const auto part = [](T value, std::int32_t wy, std::int32_t wx) {
      return static_cast<std::int64_t>(value) * wy * wx;
    };
    const std::int64_t sum = part(a, kBilinearOne - dy, kBilinearOne - dx) + part(b, dy, kBilinearOne - dx) +
                             part(c, kBilinearOne - dy, dx) + part(d, dy, dx);
    constexpr std::int64_t kOne = std::int64_t{kBilinearOne} * kBilinearOne;
    return static_cast<T>((sum + (sum > 0 ? kOne / 2 : -kOne / 2)) / kOne);
  }
};

struct BlendFloat {
  [[nodiscard]] float one() const { return 1.0F; }
  std::uint8_t operator()(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, float dy, float dx) const {
    const auto part = [](std::uint8_t value, float wy, float wx) { return static_cast<float>(value) * wy * wx; };
    const float sum = part(a, 1 - dy, 1 - dx) + part(b, dy, 1 - dx) + part(c, 1 - dy, dx) + part(d, dy, dx);
    return static_cast<std::uint8_t>(sum + 0.5F);
  }
};

}  // namespace

void interpolate(const Taps& t, Index inner, const float* in, float* out, Index begin, Index end) {
  const std::span<const Index> places(t.places);
  const std::span<const float> weights(t.weights);
  const auto count = static_cast<std::size_t>(t.count);
  for (Index row = begin; row < end; ++row) {
    const auto x = static_cast<std::size_t>(row % t.out);
    float* to = out + row * inner;
    if (!t.outside.empty() && t.outside[x] != 0) {
      std::fill_n(to, inner, t.extrapolation);
      continue;
    }
    weighted_sum(places.subspan(x * count, count), weights.subspan(x * count, count), inner,
                 in + row / t.out * t.in * inner, to);
  }
}

void bilinear(const Bilinear<std::int32_t>& b, const std::int8_t* in, std::int8_t* out, Index begin, Index end) {
  each_pixel(b, in, out, begin, end, BlendFixed<std::int8_t>{});
}

void bilinear(const Bilinear<std::int32_t>& b, const std::int16_t* in, std::int16_t* out, Index begin, Index end) {
  each_pixel(b, in, out, begin, end, BlendFixed<std::int16_t>{});
}

void bilinear(const Bilinear<float>& b, const std::uint8_t* in, std::uint8_t* out, Index begin, Index end) {
  each_pixel(b, in, out, begin, end, BlendFloat{});
}

}  // namespace lichen::kernels::reference
