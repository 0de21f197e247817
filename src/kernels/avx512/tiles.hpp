// SPDX-License-Identifier: Apache-2.0
// Walks the output pixels of a part in tiles of up to 12 and its channels two panels at a time, and calls a kernel of
// the right size. For files that are compiled for AVX-512 only (internal linkage).
#pragma once

#include <utility>

#include "kernels/panels.hpp"
#include "kernels/pixel_walk.hpp"

namespace lichen::kernels::avx512 {
namespace {

inline constexpr int kRowsMax = 12;  // 24 sums of the 32 registers, in tiles of two panels

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
