// SPDX-License-Identifier: Apache-2.0
#include "kernels/depthwise_panels.hpp"

namespace lichen::kernels {
namespace {

// The channel within a block that sits at place i after unpacking.
Index channel_at(Index i) {
  constexpr Index kQuarters[] = {0, 2, 1, 3};
  return kQuarters[i / 4] * 4 + i % 4;
}

}  // namespace

Pattern taps_of(const Window2D& w, const PaddedImage& image) {
  Pattern p;
  p.length = 1;
  for (Index ky = 0; ky < w.filter_h; ++ky) {
    for (Index kx = 0; kx < w.filter_w; ++kx)
      p.offsets.push_back((ky * w.dilation_h * image.width + kx * w.dilation_w) * image.pixel);
  }
  return p;
}

AlignedVector<float> pack_depthwise_f32(const float* weights, Index taps, Index channels) {
  constexpr Index kBlock = 8;
  AlignedVector<float> packed(static_cast<std::size_t>(taps * depthwise_channels(channels, kBlock)), 0.0F);
  for (Index c = 0; c < channels; ++c) {
    for (Index t = 0; t < taps; ++t)
      packed[static_cast<std::size_t>((c / kBlock * taps + t) * kBlock + c % kBlock)] = weights[t * channels + c];
  }
  return packed;
}

template <typename T>
AlignedVector<std::int16_t> pack_depthwise_i16(const T* weights, std::int32_t zero_point, Index taps, Index channels) {
  const Index pairs = (taps + 1) / 2;
  AlignedVector<std::int16_t> packed(
      static_cast<std::size_t>(2 * pairs * depthwise_channels(channels, kDepthwiseBlock)), std::int16_t{0});
  for (Index first = 0; first < channels; first += kDepthwiseBlock) {
    for (Index i = 0; i < kDepthwiseBlock; ++i) {
      const Index c = first + channel_at(i);
      if (c >= channels) continue;
      for (Index t = 0; t < taps; ++t) {
        const Index at = (first / kDepthwiseBlock * pairs + t / 2) * 2 * kDepthwiseBlock + 2 * i + t % 2;
        packed[static_cast<std::size_t>(at)] = static_cast<std::int16_t>(weights[t * channels + c] - zero_point);
      }
    }
  }
  return packed;
}

template AlignedVector<std::int16_t> pack_depthwise_i16(const std::int8_t*, std::int32_t, Index, Index);
template AlignedVector<std::int16_t> pack_depthwise_i16(const std::uint8_t*, std::int32_t, Index, Index);

AlignedVector<std::int32_t> unpacked_order(std::span<const std::int32_t> values) {
  const Index channels = static_cast<Index>(values.size());
  AlignedVector<std::int32_t> ordered(static_cast<std::size_t>(depthwise_channels(channels, kDepthwiseBlock)), 0);
  for (Index i = 0; i < static_cast<Index>(ordered.size()); ++i) {
    const Index c = i / kDepthwiseBlock * kDepthwiseBlock + channel_at(i % kDepthwiseBlock);
    if (c < channels) ordered[static_cast<std::size_t>(i)] = values[static_cast<std::size_t>(c)];
  }
  return ordered;
}

}  // namespace lichen::kernels
