// SPDX-License-Identifier: Apache-2.0
// Walks output pixels in tiles of up to 6 and channels in panels of 16 or 8, and calls a kernel of the right size. For
// files that are compiled for AVX2 only (internal linkage).
#pragma once

#include "kernels/pixel_walk.hpp"

namespace lichen::kernels::avx2 {
namespace {

inline constexpr Index kTileRows = 6;

// tile.template run<rows, vectors>(walk, first pixel, first channel): `vectors` of 8 channels each.
template <int kVectors, typename Tile>
inline void each_row_tile(const PixelGrid& grid, const Part& part, Index channel, Tile& tile) {
  PixelWalk walk(grid, part.pixel_begin);
  Index at = part.pixel_begin;
  for (; at + kTileRows <= part.pixel_end; at += kTileRows) tile.template run<6, kVectors>(walk, at, channel);
  for (; at + 3 <= part.pixel_end; at += 3) tile.template run<3, kVectors>(walk, at, channel);
  for (; at < part.pixel_end; ++at) tile.template run<1, kVectors>(walk, at, channel);
}

template <typename Tile>
inline void each_tile(const PixelGrid& grid, const Part& part, Tile tile) {
  for (Index channel = part.unit_begin; channel < part.unit_end; channel += kPanel) {
    if (part.unit_end - channel > 8) {
      each_row_tile<2>(grid, part, channel, tile);
    } else {
      each_row_tile<1>(grid, part, channel, tile);
    }
  }
}

}  // namespace
}  // namespace lichen::kernels::avx2
