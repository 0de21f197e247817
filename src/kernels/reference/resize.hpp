// SPDX-License-Identifier: Apache-2.0
// Interpolation: in float one axis after the other, and TFLite's bilinear one of bytes, which rounds all at once.
#pragma once

#include <vector>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

// Output position x of an axis is the sum of weights[i] * (input at places[i]) over its `count` entries from x * count
// on.
struct Taps {
  Index in = 0;
  Index out = 0;
  Index count = 0;
  std::vector<Index> places{};
  std::vector<float> weights{};
  std::vector<std::uint8_t> outside{};  // by output position: 1 where the result is `extrapolation`; empty: nowhere
  float extrapolation = 0.0F;
};

// x seen as [outer, in, inner] -> [outer, out, inner]: rows [begin, end) of outer * out.
void interpolate(const Taps& t, Index inner, const float* in, float* out, Index begin, Index end);

// Neighbours of each output position, and its coordinate: a fraction, or in units of 1 / 1024.
template <typename C>
struct BilinearAxis {
  std::vector<C> at;
  std::vector<Index> lower;
  std::vector<Index> upper;
};
template <typename C>
struct Bilinear {  // [batch, in_h, in_w, channels]
  Index in_h = 1, in_w = 1, channels = 1;
  BilinearAxis<C> y;
  BilinearAxis<C> x;
};
inline constexpr std::int32_t kBilinearOne = 1 << 10;

// Rows [begin, end) of batch * out_h.
void bilinear(const Bilinear<std::int32_t>& b, const std::int8_t* in, std::int8_t* out, Index begin, Index end);
void bilinear(const Bilinear<std::int32_t>& b, const std::int16_t* in, std::int16_t* out, Index begin, Index end);
void bilinear(const Bilinear<float>& b, const std::uint8_t* in, std::uint8_t* out, Index begin, Index end);

}  // namespace lichen::kernels::reference
