// SPDX-License-Identifier: Apache-2.0
// Walks output pixels in tiles of up to 6 and channels in panels of 16 or 8, and calls a kernel of the right size. For
// files that are compiled for AVX2 only (internal linkage).
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::avx2 {
namespace {

inline constexpr Index kTileRows = 6;

// The next pixels of a grid, in order, as offsets into the image.
class PixelWalk {
 public:
  PixelWalk(const PixelGrid& grid, Index begin)
      : grid_(grid),
        n_(begin / (grid.height * grid.width)),
        y_(begin / grid.width % grid.height),
        x_(begin % grid.width) {}

  template <int kRows, typename T>
  void next(const T* image, const T* (&rows)[kRows]) {
    for (int r = 0; r < kRows; ++r) {
      rows[r] = image + n_ * grid_.image_step + y_ * grid_.row_step + x_ * grid_.column_step;
      if (++x_ < grid_.width) continue;
      x_ = 0;
      if (++y_ < grid_.height) continue;
      y_ = 0;
      ++n_;
    }
  }

 private:
  const PixelGrid& grid_;
  Index n_, y_, x_;
};

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
