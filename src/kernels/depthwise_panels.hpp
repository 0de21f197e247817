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

// [channels / 8][taps][8].
[[nodiscard]] AlignedVector<float> pack_depthwise_f32(const float* weights, Index taps, Index channels);

// [channels / 16][pairs of taps][32]: for the block's channels in the order 0-3 8-11 4-7 12-15 (what unpacking two
// vectors of i16 gives), the weights of both taps side by side, minus the zero point.
template <typename T>
[[nodiscard]] AlignedVector<std::int16_t> pack_depthwise_i16(const T* weights, std::int32_t zero_point, Index taps,
                                                             Index channels);

// Values of channels brought into that order; absent channels are 0. For bias and the parts of multipliers.
[[nodiscard]] AlignedVector<std::int32_t> unpacked_order(std::span<const std::int32_t> values);

}  // namespace lichen::kernels
