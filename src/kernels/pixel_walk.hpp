// SPDX-License-Identifier: Apache-2.0
// Walks the output pixels of a grid in order. Internal linkage, because files that are compiled for different CPUs
// include it.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels {
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

}  // namespace
}  // namespace lichen::kernels
