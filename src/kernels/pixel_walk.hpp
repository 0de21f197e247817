// SPDX-License-Identifier: Apache-2.0
// Walks the output pixels of a grid in order. Internal linkage, because files that are compiled for different CPUs
// include it.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels {
namespace {

// The next pixels of a grid, in order, as places in the image.
class PixelWalk {
 public:
  PixelWalk(const PixelGrid& grid, Index begin)
      : grid_(grid),
        n_(begin / (grid.height * grid.width)),
        y_(begin / grid.width % grid.height),
        x_(begin % grid.width) {}

  template <int kRows, typename T>
  void next(const T* image, const T* (&rows)[kRows]) {
    const T* at = image + n_ * grid_.image_step + y_ * grid_.row_step + x_ * grid_.column_step;
    if (x_ + kRows < grid_.width) {  // all in one row of the grid, which does not end here
      x_ += kRows;
      for (int r = 0; r < kRows; ++r, at += grid_.column_step) rows[r] = at;
      return;
    }
    over_an_end(image, at, kRows, rows);
  }

 private:
  // The same for rows of which some lie behind an end. Once for all heights: unrolled, it would be a fifth of each
  // tile.
  template <typename T>
  [[gnu::noinline]] void over_an_end(const T* image, const T* at, int count, const T** rows) {
    for (int r = 0; r < count; ++r, at += grid_.column_step) {
      rows[r] = at;
      if (++x_ < grid_.width) continue;
      x_ = 0;
      if (++y_ == grid_.height) {
        y_ = 0;
        ++n_;
      }
      at = image + n_ * grid_.image_step + y_ * grid_.row_step - grid_.column_step;
    }
  }

  const PixelGrid& grid_;
  Index n_, y_, x_;
};

}  // namespace
}  // namespace lichen::kernels
