// SPDX-License-Identifier: Apache-2.0
#include "kernels/dot_panels.hpp"

#include <algorithm>

namespace lichen::kernels {
namespace {

// What is taken from stored values so that they fit i8.
template <typename T>
constexpr std::int32_t kToSigned = std::numeric_limits<T>::min() < 0 ? 0 : 128;

template <typename T>
SignedBytes terms_of(const T* weights, const std::int32_t* bias, Index units, Index depth, const Requantization& q) {
  SignedBytes packed;
  packed.in_zero_point = q.in_zero_point - kToSigned<T>;
  packed.weights_zero_point = q.weights_zero_point - kToSigned<T>;
  packed.bias = padded_bias(bias, units, panel_channels(units, kPanel));
  packed.paired = true;
  for (Index c = 0; c < units; ++c) {
    std::int64_t sum = 0;
    for (Index i = 0; i < depth; ++i) {
      const std::int32_t w = weights[c * depth + i] - kToSigned<T>;
      sum += w;
      packed.paired = packed.paired && w != -128;
    }
    std::int32_t& b = packed.bias[static_cast<std::size_t>(c)];
    b = wrapping_add(b, static_cast<std::int32_t>(-packed.in_zero_point * sum));
  }
  return packed;
}

// Where element `i` of a segment of `length` goes, for channel `c` of its panel.
Index dot8_place(Index length, Index i, Index c) {
  const Index whole = length / 16 * 16;
  const Index block = i < whole || length - whole > 8 ? 16 : 8;
  const Index first = i / 16 * 16;
  return first * kDot8Panel + c * block + i - first;
}

// Panels of `panel` channels with segments of `length` elements, of which element i of channel c goes to place(i, c).
template <typename T, typename Place>
SignedBytes pack(const T* weights, const std::int32_t* bias, Index units, const Pattern& p, const Requantization& q,
                 Index panel, Index length, Place place) {
  const auto segments = static_cast<Index>(p.offsets.size());
  const Index depth = segments * p.length;
  SignedBytes packed = terms_of(weights, bias, units, depth, q);
  packed.weights.assign(static_cast<std::size_t>(panel_channels(units, panel) * segments * length), 0);
  for (Index c = 0; c < units; ++c) {
    for (Index s = 0; s < segments; ++s) {
      std::int8_t* to = packed.weights.data() + (c / panel * segments + s) * panel * length;
      const T* from = weights + c * depth + s * p.length;
      for (Index i = 0; i < p.length; ++i) to[place(i, c % panel)] = static_cast<std::int8_t>(from[i] - kToSigned<T>);
    }
  }
  return packed;
}

constexpr Index kDot4 = 4;
Index dot4_length(Index length) {
  return (length + kDot4 - 1) / kDot4 * kDot4;
}

}  // namespace

std::size_t packed_dot8_count(Index units, const Pattern& p) {
  return static_cast<std::size_t>(panel_channels(units, kDot8Panel) * dot8_length(p.length)) * p.offsets.size();
}

template <typename T>
SignedBytes pack_dot8(const T* weights, const std::int32_t* bias, Index units, const Pattern& p,
                      const Requantization& q) {
  return pack(weights, bias, units, p, q, kDot8Panel, dot8_length(p.length),
              [&](Index i, Index c) { return dot8_place(p.length, i, c); });
}

template SignedBytes pack_dot8(const std::int8_t*, const std::int32_t*, Index, const Pattern&, const Requantization&);
template SignedBytes pack_dot8(const std::uint8_t*, const std::int32_t*, Index, const Pattern&, const Requantization&);

std::size_t packed_dot4_count(Index units, const Pattern& p) {
  return static_cast<std::size_t>(panel_channels(units, kPanel) * dot4_length(p.length)) * p.offsets.size();
}

template <typename T>
SignedBytes pack_dot4(const T* weights, const std::int32_t* bias, Index units, const Pattern& p,
                      const Requantization& q) {
  return pack(weights, bias, units, p, q, kPanel, dot4_length(p.length),
              [](Index i, Index c) { return (i / kDot4 * kPanel + c) * kDot4 + i % kDot4; });
}

template SignedBytes pack_dot4(const std::int8_t*, const std::int32_t*, Index, const Pattern&, const Requantization&);
template SignedBytes pack_dot4(const std::uint8_t*, const std::int32_t*, Index, const Pattern&, const Requantization&);

template <typename T>
AlignedVector<std::int16_t> pack_depthwise_words(const T* weights, std::int32_t zero_point, Index taps,
                                                 Index channels) {
  AlignedVector<std::int16_t> packed(static_cast<std::size_t>(taps * panel_channels(channels, kDepthwiseWords)),
                                     std::int16_t{0});
  for (Index c = 0; c < channels; ++c) {
    for (Index t = 0; t < taps; ++t) {
      const Index at = (c / kDepthwiseWords * taps + t) * kDepthwiseWords + c % kDepthwiseWords;
      packed[static_cast<std::size_t>(at)] = static_cast<std::int16_t>(weights[t * channels + c] - zero_point);
    }
  }
  return packed;
}

template AlignedVector<std::int16_t> pack_depthwise_words(const std::int8_t*, std::int32_t, Index, Index);
template AlignedVector<std::int16_t> pack_depthwise_words(const std::uint8_t*, std::int32_t, Index, Index);

}  // namespace lichen::kernels
