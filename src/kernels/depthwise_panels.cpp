// SPDX-License-Identifier: Apache-2.0
#include "kernels/depthwise_panels.hpp"

#include <array>
#include <bit>
#include <cstdlib>

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

AlignedVector<float> pack_depthwise_f32(const float* weights, Index taps, Index channels, Index block) {
  AlignedVector<float> packed(static_cast<std::size_t>(taps * depthwise_channels(channels, block)), 0.0F);
  for (Index c = 0; c < channels; ++c) {
    for (Index t = 0; t < taps; ++t)
      packed[static_cast<std::size_t>((c / block * taps + t) * block + c % block)] = weights[t * channels + c];
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

std::size_t depthwise_bytes_count(Index taps, Index channels) {
  constexpr Index kBlockMax = 64;
  constexpr Index kTwice = 2;
  const Index groups = taps;  // never more
  const Index padded = depthwise_channels(channels, kBlockMax);
  return static_cast<std::size_t>(groups * kTwice * DepthwiseBytes::kTogether * padded) +
         static_cast<std::size_t>(kLaneParts * padded) * sizeof(std::int32_t);
}

namespace {

// A weight minus its zero point as one or two bytes.
std::array<std::int8_t, 2> split_weight(std::int32_t weight) {
  const std::int32_t first = std::clamp<std::int32_t>(weight, -128, 127);
  return {static_cast<std::int8_t>(first), static_cast<std::int8_t>(weight - first)};
}

// place(vector, lane, channel within the block) for all of a block.
template <typename Place>
void each_lane(Index block, Place place) {
  for (Index vector = 0; vector < DepthwiseBytes::kVectors; ++vector) {
    for (Index lane = 0; lane < block / 4; ++lane) place(vector, lane, lane / 4 * 16 + vector * 4 + lane % 4);
  }
}

}  // namespace

template <typename T>
DepthwiseBytes pack_depthwise_bytes(const T* weights, const std::int32_t* bias, std::span<const Index> taps,
                                    Index taps_count, Index channels, Index block, const Requantization& q) {
  constexpr Index kTogether = DepthwiseBytes::kTogether;
  DepthwiseBytes p;
  p.channels = channels;
  p.block = block;
  p.groups = static_cast<Index>(taps.size()) / kTogether;
  p.in_zero_point = q.in_zero_point + (std::numeric_limits<T>::min() < 0 ? 128 : 0);
  p.bounded = true;
  const auto weight_at = [&](Index tap, Index channel) {
    return static_cast<std::int32_t>(weights[tap * channels + channel]) - q.weights_zero_point;
  };
  std::vector<LaneValues> parts;
  for (Index c = 0; c < channels; ++c) {
    std::int64_t sum = 0;
    std::int64_t largest = bias != nullptr ? std::abs(std::int64_t{bias[c]}) : 0;
    for (Index t = 0; t < taps_count; ++t) {
      const std::int32_t weight = weight_at(t, c);
      sum += weight;
      largest += 255 * std::abs(std::int64_t{weight});
      p.twice = p.twice || split_weight(weight)[1] != 0;
    }
    // Scales in float take the place of the multiplier's value.
    const auto at = static_cast<std::size_t>(c);
    const Multiplier m = q.scales.empty() ? q.multipliers[at] : Multiplier{std::bit_cast<std::int32_t>(q.scales[at]), 0};
    p.bounded = p.bounded && lanes_bounded(largest, m);
    const auto start = static_cast<std::uint32_t>(bias != nullptr ? bias[c] : 0);
    parts.push_back(
        lane_values(static_cast<std::int32_t>(start - static_cast<std::uint32_t>(p.in_zero_point * sum)), m,
                    q.out_zero_point));
  }
  const Index passes = p.twice ? 2 : 1;
  for (Index first = 0; first < channels; first += block) {
    const auto weights_at = p.weights.size();
    p.weights.resize(weights_at + static_cast<std::size_t>(p.groups * passes * kTogether * block));
    const auto lanes_at = p.lanes.size();
    p.lanes.resize(lanes_at + static_cast<std::size_t>(kLaneParts * block));
    each_lane(block, [&](Index vector, Index lane, Index within) {
      const Index c = (first + within) % channels;
      for (Index part = 0; part < kLaneParts; ++part) {
        const Index at = (vector * kLaneParts + part) * (block / 4) + lane;
        p.lanes[lanes_at + static_cast<std::size_t>(at)] =
            parts[static_cast<std::size_t>(c)][static_cast<std::size_t>(part)];
      }
      for (Index tap = 0; tap < static_cast<Index>(taps.size()); ++tap) {
        if (taps[static_cast<std::size_t>(tap)] == kNoTap) continue;
        const auto bytes = split_weight(weight_at(taps[static_cast<std::size_t>(tap)], c));
        for (Index pass = 0; pass < passes; ++pass) {
          const Index at = ((tap / kTogether * passes + pass) * DepthwiseBytes::kVectors + vector) * block +
                           lane * kTogether + tap % kTogether;
          p.weights[weights_at + static_cast<std::size_t>(at)] = bytes[static_cast<std::size_t>(pass)];
        }
      }
    });
  }
  for (std::size_t at = 0; at < p.lanes.size(); at += static_cast<std::size_t>(kLaneParts * block / 4))
    pair_lanes(p.lanes.data() + at, block / 4);
  return p;
}

template DepthwiseBytes pack_depthwise_bytes(const std::int8_t*, const std::int32_t*, std::span<const Index>, Index,
                                             Index, Index, const Requantization&);
template DepthwiseBytes pack_depthwise_bytes(const std::uint8_t*, const std::int32_t*, std::span<const Index>, Index,
                                             Index, Index, const Requantization&);

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
