// SPDX-License-Identifier: Apache-2.0
// Walks the output pixels of a part in tiles of up to 12 and its channels two panels at a time, and calls a kernel of
// the right size. For files that are compiled for AVX-512 only (internal linkage).
#pragma once

#include <utility>

#include "kernels/panels.hpp"

namespace lichen::kernels::avx512 {
namespace {

inline constexpr int kRowsMax = 12;  // 24 sums of the 32 registers, in tiles of two panels

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
    for (int r = 0; r < kRows; ++r, at += grid_.column_step) {
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

 private:
  const PixelGrid& grid_;
  Index n_, y_, x_;
};

template <int kPanels, typename Tile, std::size_t... kRows>
inline void run_rows(const Tile& tile, PixelWalk& walk, Index rows, Index pixel, Index channel,
                     std::index_sequence<kRows...>) {
  using Run = void (*)(const Tile&, PixelWalk&, Index, Index);
  static constexpr Run kRuns[] = {
      [](const Tile& t, PixelWalk& w, Index p, Index c) { t.template run<int{kRows} + 1, kPanels>(w, p, c); }...};
  kRuns[rows - 1](tile, walk, pixel, channel);
}

// Tiles of nearly equal height, Tile::kTileRows at most: a last one of a single row would be mostly waiting.
template <int kPanels, typename Tile>
inline void each_row_tile(const PixelGrid& grid, const Part& part, Index channel, const Tile& tile) {
  PixelWalk walk(grid, part.pixel_begin);
  Index tiles = (part.pixel_end - part.pixel_begin + Tile::kTileRows - 1) / Tile::kTileRows;
  for (Index at = part.pixel_begin; tiles > 0; --tiles) {
    const Index rows = (part.pixel_end - at + tiles - 1) / tiles;
    run_rows<kPanels>(tile, walk, rows, at, channel, std::make_index_sequence<Tile::kTileRows>{});
    at += rows;
  }
}

// tile.template run<rows, panels>(walk, first pixel, first channel)
template <typename Tile>
inline void each_tile(const PixelGrid& grid, const Part& part, const Tile& tile) {
  Index channel = part.unit_begin;
  for (; channel + kPanel < part.unit_end; channel += 2 * kPanel) each_row_tile<2>(grid, part, channel, tile);
  if (channel < part.unit_end) each_row_tile<1>(grid, part, channel, tile);
}

}  // namespace
}  // namespace lichen::kernels::avx512
