// SPDX-License-Identifier: Apache-2.0
// Packing for vector depthwise convolutions: weights [taps][channels] into blocks of channels.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels {

inline constexpr Index kDepthwiseBlock = 16;  // channels of an i16 block; 8 for f32

// One tap a segment, whatever the dilation.
[[nodiscard]] Pattern taps_of(const Window2D& w, const PaddedImage& image);

[[nodiscard]] inline Index depthwise_channels(Index channels, Index block) {
  return (channels + block - 1) / block * block;
}

// [channels / block][taps][block].
[[nodiscard]] AlignedVector<float> pack_depthwise_f32(const float* weights, Index taps, Index channels, Index block);

// [channels / 16][pairs of taps][32]: for the block's channels in the order 0-3 8-11 4-7 12-15 (what unpacking two
// vectors of i16 gives), the weights of both taps side by side, minus the zero point.
template <typename T>
[[nodiscard]] AlignedVector<std::int16_t> pack_depthwise_i16(const T* weights, std::int32_t zero_point, Index taps,
                                                             Index channels);

// For vpdpbusd: bytes of four taps side by side for each channel, in blocks of `block` channels (32 or 64). Unpacking
// bytes and words of vectors with a block's values leaves channel 16 l + 4 j + i in vector j at lane 4 l + i, and packing
// brings that back in order; weights, bias and multipliers are in this order. The zero points are as PackedBytes has
// them, but weights are stored minus theirs: as the sum of two bytes where one is too small.
struct DepthwiseBytes {
  static constexpr Index kVectors = 4;
  static constexpr Index kTogether = 4;
  Index channels = 0;
  Index block = 0;
  Index groups = 0;                   // of four taps
  bool twice = false;                 // two bytes a weight
  bool bounded = false;               // as PackedBytes has it
  std::int32_t in_zero_point = 0;     // of unsigned activations
  AlignedVector<std::int8_t> weights;  // [blocks][groups][1 or 2][vectors][block]
  AlignedVector<std::int32_t> lanes;  // [blocks][vectors][kLaneParts][block / vectors]
};
inline constexpr Index kNoTap = -1;
// `taps` is [groups][4] of tap numbers, or kNoTap. Channels beyond the last one repeat the first ones: a row of pixels
// with few channels can be seen as one pixel with many.
[[nodiscard]] std::size_t depthwise_bytes_count(Index taps, Index channels);  // an upper bound
template <typename T>
[[nodiscard]] DepthwiseBytes pack_depthwise_bytes(const T* weights, const std::int32_t* bias,
                                                  std::span<const Index> taps, Index taps_count, Index channels,
                                                  Index block, const Requantization& q);

// Values of channels brought into the order of pack_depthwise_i16; absent channels are 0. For bias and the parts of multipliers.
[[nodiscard]] AlignedVector<std::int32_t> unpacked_order(std::span<const std::int32_t> values);

}  // namespace lichen::kernels
