// SPDX-License-Identifier: Apache-2.0
// How a layer's outputs are shared out over threads: runs of pixels, or of channels where there are few pixels.
#pragma once

#include <algorithm>

#include "kernels/panels.hpp"
#include "kernels/threads.hpp"

namespace lichen::engine {

// Least work of a part, so that it pays for waking a thread: a few microseconds of multiply-adds or of copied bytes.
inline constexpr kernels::Index kFloatMacsAPart = kernels::Index{1} << 17;
inline constexpr kernels::Index kIntegerMacsAPart = kernels::Index{1} << 18;
inline constexpr kernels::Index kBytesAPart = kernels::Index{1} << 15;

class Sharing {
 public:
  using Index = kernels::Index;

  // `depth`: multiply-adds of one output.
  Sharing(const kernels::PixelGrid& grid, Index units, Index depth, Index macs_a_part) : all_(whole(grid, units)) {
    constexpr Index kPixels = 12;  // a tile of the widest kernel
    constexpr Index kUnits = 64;
    by_units_ = units / kUnits > all_.pixel_end / kPixels;
    const Index together = by_units_ ? kUnits : kPixels;
    const Index macs = std::max<Index>(1, depth * (by_units_ ? all_.pixel_end : units) * together);
    grain_ = together * std::max<Index>(1, (macs_a_part + macs - 1) / macs);
  }

  template <typename F>
  void run(kernels::Threads& threads, const F& f) const {
    threads.parallel_for(by_units_ ? all_.unit_end : all_.pixel_end, grain_, [&](Index begin, Index end) {
      kernels::Part part = all_;
      (by_units_ ? part.unit_begin : part.pixel_begin) = begin;
      (by_units_ ? part.unit_end : part.pixel_end) = end;
      f(part);
    });
  }

 private:
  kernels::Part all_;
  bool by_units_;
  Index grain_;
};

// f(row_begin, row_end) over rows of `row_bytes` each.
template <typename F>
void share_rows(kernels::Threads& threads, kernels::Index rows, kernels::Index row_bytes, const F& f) {
  threads.parallel_for(rows, std::max<kernels::Index>(1, kBytesAPart / std::max<kernels::Index>(1, row_bytes)), f);
}

}  // namespace lichen::engine
