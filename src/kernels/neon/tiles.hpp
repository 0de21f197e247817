// SPDX-License-Identifier: Apache-2.0
// Walks output pixels in order. Internal linkage, because a file that is compiled for newer CPUs includes it too.
#pragma once

#include "kernels/pixel_walk.hpp"

namespace lichen::kernels::neon {
namespace {

// tile.template run<rows>(walk, first pixel, first channel) for all pixels of the part, kRows at a time, then one.
template <int kRows, typename Tile>
inline void each_pixel(const PixelGrid& grid, const Part& part, Index channel, const Tile& tile) {
  PixelWalk walk(grid, part.pixel_begin);
  Index at = part.pixel_begin;
  for (; at + kRows <= part.pixel_end; at += kRows) tile.template run<kRows>(walk, at, channel);
  for (; at < part.pixel_end; ++at) tile.template run<1>(walk, at, channel);
}

}  // namespace
}  // namespace lichen::kernels::neon
