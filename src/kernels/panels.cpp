// SPDX-License-Identifier: Apache-2.0
#include "kernels/panels.hpp"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace lichen::kernels {
namespace {

// place(channel, segment, element, at): `at` counts elements in packed order, padded channels and elements included.
template <typename Place>
void each_packed(Index units, const Pattern& p, Index together, Index multiple, Place place) {
  const Index length = (p.length + together - 1) / together * together;
  Index at = 0;
  for (Index first = 0; first < panel_channels(units, multiple); first += kPanel) {
    const Index width = std::min(kPanel, panel_channels(units, multiple) - first);
    for (Index segment = 0; segment < static_cast<Index>(p.offsets.size()); ++segment) {
      for (Index element = 0; element < length; element += together) {
        for (Index channel = first; channel < first + width; ++channel) {
          for (Index i = 0; i < together; ++i) place(channel, segment, element + i, at++);
        }
      }
    }
  }
}

std::size_t packed_count(Index units, const Pattern& p, Index together, Index multiple) {
  const Index length = (p.length + together - 1) / together * together;
  return static_cast<std::size_t>(panel_channels(units, multiple) * length) * p.offsets.size();
}

// to[i * width + channel] = from[channel * depth + i] * scales[channel], a few elements of all channels at a time, so that
// what is written stays in the first cache.
template <Index kTogether, typename Scale>
void transpose(const std::byte* from, Index first, Index channels, Index depth, Index width, Scale scale, float* to) {
  for (Index channel = 0; channel < channels; ++channel) {
    std::array<float, kTogether> in;
    std::memcpy(in.data(), from + (channel * depth + first) * Index{sizeof(float)}, sizeof in);
    float* out = to + first * width + channel;
    for (Index k = 0; k < kTogether; ++k) out[k * width] = scale(channel, in[static_cast<std::size_t>(k)]);
  }
}

template <typename Scale>
void transpose_all(const std::byte* from, Index channels, Index depth, Index width, Scale scale, float* to) {
  constexpr Index kTogether = 16;  // a cache line of each channel
  Index i = 0;
  for (; i + kTogether <= depth; i += kTogether) transpose<kTogether>(from, i, channels, depth, width, scale, to);
  for (; i < depth; ++i) transpose<1>(from, i, channels, depth, width, scale, to);
}

constexpr Index kPairMultiple = 8;   // of the last panel of i16
constexpr Index kBytesTogether = 4;  // what vpdpbusd adds up

}  // namespace

PaddedImage padded_image(const Window2D& w, Index channels_multiple) {
  PaddedImage image;
  image.height = (w.out_h - 1) * w.stride_h + (w.filter_h - 1) * w.dilation_h + 1;
  image.width = (w.out_w - 1) * w.stride_w + (w.filter_w - 1) * w.dilation_w + 1;
  image.pixel = (w.in_c + channels_multiple - 1) / channels_multiple * channels_multiple;
  if (w.pad_h == 0 && w.pad_w == 0 && image.height <= w.in_h && image.width <= w.in_w && image.pixel == w.in_c) {
    image = {w.in_h, w.in_w, w.in_c, true};
  }
  return image;
}

bool padding_fits(const Window2D& w, Index channels_multiple) {
  const PaddedImage image = padded_image(w, channels_multiple);
  Index elements = 1;
  for (const Index factor : {w.batch, image.height, image.width, image.pixel}) {
    if (__builtin_mul_overflow(elements, factor, &elements) || elements > kPaddedElementsMax) return false;
  }
  return true;
}

PixelGrid pixel_grid(const Window2D& w, const PaddedImage& image) {
  return {w.batch,
          w.out_h,
          w.out_w,
          image.height * image.width * image.pixel,
          w.stride_h * image.width * image.pixel,
          w.stride_w * image.pixel};
}

PixelGrid row_grid(const MatrixSize& m) {
  return {1, 1, m.rows, 0, 0, m.depth};
}

Pattern pattern_of(const Window2D& w, const PaddedImage& image) {
  Pattern p;
  const bool whole_rows = w.dilation_w == 1 || w.filter_w == 1;
  p.length = (whole_rows ? w.filter_w : 1) * image.pixel;
  for (Index ky = 0; ky < w.filter_h; ++ky) {
    const Index row = ky * w.dilation_h * image.width * image.pixel;
    for (Index kx = 0; kx < (whole_rows ? 1 : w.filter_w); ++kx)
      p.offsets.push_back(row + kx * w.dilation_w * image.pixel);
  }
  return p;
}

Pattern pattern_of(const MatrixSize& m) {
  Pattern p;
  p.offsets.push_back(0);
  p.length = m.depth;
  return p;
}

std::size_t packed_f32_count(Index units, const Pattern& p, Index multiple) {
  return packed_count(units, p, 1, multiple);
}
std::size_t packed_i16_count(Index units, const Pattern& p) {
  return packed_count(units, p, 2, kPairMultiple);
}
std::size_t packed_bytes_count(Index units, const Pattern& p) {
  return packed_count(units, p, kBytesTogether, kPanel);
}

UnsetVector<float> pack_f32(StoredFloats weights, Index units, const Pattern& p, Index multiple) {
  UnsetVector<float> packed(packed_f32_count(units, p, multiple));
  const Index depth = static_cast<Index>(p.offsets.size()) * p.length;
  for (Index first = 0; first < units; first += kPanel) {
    const Index width = std::min(kPanel, panel_channels(units, multiple) - first);
    const Index channels = std::min(width, units - first);
    float* to = packed.data() + first * depth;
    if (channels < width) std::fill_n(to, width * depth, 0.0F);
    const std::byte* from = weights.bytes + first * depth * Index{sizeof(float)};
    if (weights.scales == nullptr) {
      transpose_all(from, channels, depth, width, [](Index, float w) { return w; }, to);
    } else {
      const float* scales = weights.scales + first;
      transpose_all(from, channels, depth, width, [scales](Index c, float w) { return w * scales[c]; }, to);
    }
  }
  return packed;
}

template <typename T>
AlignedVector<std::int16_t> pack_i16(const T* weights, std::int32_t zero_point, Index units, const Pattern& p) {
  AlignedVector<std::int16_t> packed(packed_i16_count(units, p), std::int16_t{0});
  const Index depth = static_cast<Index>(p.offsets.size()) * p.length;
  each_packed(units, p, 2, kPairMultiple, [&](Index channel, Index segment, Index element, Index at) {
    if (channel >= units || element >= p.length) return;
    packed[static_cast<std::size_t>(at)] =
        static_cast<std::int16_t>(weights[channel * depth + segment * p.length + element] - zero_point);
  });
  return packed;
}

template AlignedVector<std::int16_t> pack_i16(const std::int8_t*, std::int32_t, Index, const Pattern&);
template AlignedVector<std::int16_t> pack_i16(const std::uint8_t*, std::int32_t, Index, const Pattern&);

LaneValues lane_values(std::int32_t bias, Multiplier m, std::int32_t out_zero_point) {
  LaneValues values{};
  const std::int32_t right = std::max(-m.shift, 0);
  values[kLaneBias] = bias;
  values[kLaneValue] = m.value;
  values[kLaneHalf] = wrapping_add(wrapping_shift_left(out_zero_point, right),
                                   right > 0 ? wrapping_shift_left(1, right - 1) : 0);
  values[kLaneSignFrom] = right > 0 ? 31 : 32;
  values[kLaneRight] = right;
  values[kLaneLeft] = std::max(m.shift, 0);
  return values;
}

void pair_lanes(std::int32_t* parts, Index lanes) {
  for (Index i = 0; i + 1 < lanes; i += 2) parts[kLaneOdd * lanes + i] = parts[kLaneValue * lanes + i + 1];
}

bool lanes_bounded(std::int64_t largest_sum, Multiplier m) {
  // A doubled sum fits, and one that was scaled down, with half the divisor and 255 divisors added.
  constexpr std::int64_t kSumMax = std::int64_t{1} << 30;
  constexpr std::int32_t kRightMax = 20;
  return largest_sum < kSumMax && m.shift <= 0 && m.shift >= -kRightMax;
}

namespace {

// A segment of one channel, four elements together with those of the panel's other channels between them. Where the
// next segment begins.
template <typename T>
std::int8_t* place_quads(const T* from, Index length, std::int8_t* to) {
  constexpr std::uint32_t kMinus128 = std::is_signed_v<T> ? 0 : 0x80808080U;  // of four bytes of u8
  const auto place = [&](Index i, std::size_t bytes) {
    std::uint32_t quad = kMinus128;  // beyond the end: 0 when it is taken off
    std::memcpy(&quad, from + i, bytes);
    quad ^= kMinus128;
    std::memcpy(to, &quad, sizeof quad);
    to += kBytesTogether * kPanel;
  };
  Index i = 0;
  for (; i + kBytesTogether <= length; i += kBytesTogether) place(i, kBytesTogether);
  if (i < length) place(i, static_cast<std::size_t>(length - i));
  return to;
}

struct WeightSums {
  std::int64_t sum = 0;    // of the weights minus `less`
  std::int64_t sizes = 0;  // of the distances from the zero point
};

template <typename T>
WeightSums sums_of(const T* weights, Index depth, std::int32_t less, std::int32_t zero_point) {
  constexpr Index kTogether = 1 << 15;  // what 32 bits hold the sums of
  WeightSums sums;
  for (Index first = 0; first < depth; first += kTogether) {
    std::int32_t sum = 0;
    std::int32_t sizes = 0;
    for (Index i = first; i < std::min(depth, first + kTogether); ++i) {
      sum += weights[i] - less;
      sizes += std::abs(weights[i] - zero_point);
    }
    sums.sum += sum;
    sums.sizes += sizes;
  }
  return sums;
}

}  // namespace

template <typename T>
PackedBytes pack_bytes(const T* weights, const std::int32_t* bias, Index units, const Pattern& p,
                       const Requantization& q) {
  constexpr std::int32_t kSigned = std::numeric_limits<T>::min() < 0 ? 128 : 0;
  constexpr std::int32_t kUnsigned = 128 - kSigned;
  constexpr std::int64_t kActivationMax = 255;  // |a - A|
  PackedBytes packed;
  packed.in_zero_point = q.in_zero_point + kSigned;
  packed.weights_zero_point = q.weights_zero_point - kUnsigned;
  packed.weights.assign(packed_bytes_count(units, p), 0);
  const auto segments = static_cast<Index>(p.offsets.size());
  const Index depth = segments * p.length;
  const Index quads = segments * ((p.length + kBytesTogether - 1) / kBytesTogether);  // of a channel
  for (Index c = 0; c < units; ++c) {
    std::int8_t* to = packed.weights.data() + (c / kPanel * quads * kPanel + c % kPanel) * kBytesTogether;
    for (Index segment = 0; segment < segments; ++segment)
      to = place_quads(weights + c * depth + segment * p.length, p.length, to);
  }
  packed.lanes.assign(static_cast<std::size_t>(panel_channels(units, kPanel) * kLaneParts), 0);
  packed.bounded = true;
  for (Index c = 0; c < units; ++c) {
    const auto [sum, sum_of_sizes] = sums_of(weights + c * depth, depth, kUnsigned, q.weights_zero_point);
    const std::int64_t largest =
        (bias != nullptr ? std::abs(std::int64_t{bias[c]}) : 0) + kActivationMax * sum_of_sizes;
    // Scales in float take the place of the multiplier's value.
    const auto at = static_cast<std::size_t>(c);
    const Multiplier m = q.scales.empty() ? q.multipliers[at] : Multiplier{std::bit_cast<std::int32_t>(q.scales[at]), 0};
    packed.bounded = packed.bounded && lanes_bounded(largest, m);
    const std::uint32_t start = static_cast<std::uint32_t>(bias != nullptr ? bias[c] : 0) -
                                static_cast<std::uint32_t>(packed.in_zero_point * sum);
    const LaneValues values = lane_values(static_cast<std::int32_t>(start), m, q.out_zero_point - kUnsigned);
    for (Index part = 0; part < kLaneParts; ++part)
      packed.lanes[static_cast<std::size_t>((c / kPanel * kLaneParts + part) * kPanel + c % kPanel)] =
          values[static_cast<std::size_t>(part)];
  }
  for (Index first = 0; first < units; first += kPanel)
    pair_lanes(packed.lanes.data() + first * kLaneParts, kPanel);
  return packed;
}

template PackedBytes pack_bytes(const std::int8_t*, const std::int32_t*, Index, const Pattern&, const Requantization&);
template PackedBytes pack_bytes(const std::uint8_t*, const std::int32_t*, Index, const Pattern&, const Requantization&);

template <typename T>
AlignedVector<T> padded_bias(const T* bias, Index units, Index padded_units) {
  AlignedVector<T> padded(static_cast<std::size_t>(padded_units), T{0});
  if (bias != nullptr) std::copy_n(bias, units, padded.begin());
  return padded;
}

template AlignedVector<float> padded_bias(const float*, Index, Index);
template AlignedVector<std::int32_t> padded_bias(const std::int32_t*, Index, Index);

VectorMultipliers split_multipliers(std::span<const Multiplier> multipliers, Index padded_units) {
  VectorMultipliers split;
  for (const Multiplier& m : multipliers) {
    split.values.push_back(m.value);
    split.lefts.push_back(std::max(m.shift, 0));
    split.rights.push_back(std::max(-m.shift, 0));
  }
  for (AlignedVector<std::int32_t>* part : {&split.values, &split.lefts, &split.rights})
    part->resize(static_cast<std::size_t>(padded_units), 0);
  return split;
}

VectorMultipliers single_multipliers(std::span<const Multiplier> multipliers, Index padded_units) {
  VectorMultipliers single;
  for (const Multiplier& m : multipliers) {
    single.values.push_back(m.value);
    single.rights.push_back(31 - m.shift);
  }
  single.values.resize(static_cast<std::size_t>(padded_units), 0);
  single.rights.resize(static_cast<std::size_t>(padded_units), 1);
  single.lefts.resize(static_cast<std::size_t>(padded_units), 0);
  return single;
}

}  // namespace lichen::kernels
