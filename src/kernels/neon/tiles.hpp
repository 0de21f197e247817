// SPDX-License-Identifier: Apache-2.0
// Walks output pixels in order. Internal linkage, because a file that is compiled for newer CPUs includes it too.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels::neon {
namespace {

// The next pixels of a grid, as places in the image.
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
