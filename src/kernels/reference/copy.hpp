// SPDX-License-Identifier: Apache-2.0
// Elements from places in one tensor to places in another, whatever their type: what transposing, slicing, joining,
// tiling, reversing and the like come down to. Where both sides have runs of bytes, runs are copied; where one side's
// neighbours are far apart in the other, blocks are transposed in registers.
#pragma once

#include <array>
#include <span>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

inline constexpr std::size_t kCopyAxesMax = 20;  // two for every axis of a tensor, and some

// Going one step along an axis moves so many bytes in either tensor: 0 repeats, below 0 goes backwards.
struct CopyAxis {
  Index size = 1;
  Index in_step = 0;
  Index out_step = 0;
};

struct Copy {
  std::array<CopyAxis, kCopyAxesMax> axes{};  // outermost first
  std::size_t rank = 0;
  Index run = 0;  // bytes that lie together in both; 0: there is nothing to copy
  Index in_offset = 0;
  Index out_offset = 0;

  // How the work may be shared out: into so many parts, of so many bytes each.
  [[nodiscard]] Index parts() const { return rank == 0 ? 1 : axes[0].size; }
  [[nodiscard]] Index bytes_a_part() const;
};

// The same copy with as few axes as can be. Axes whose steps differ only by their order may be given in any order; the
// fastest is that of the output.
[[nodiscard]] Copy copy_of(std::span<const CopyAxis> axes, Index element_bytes, Index in_offset, Index out_offset);

// Parts [begin, end) of parts(). in and out do not overlap.
void copy(const Copy& c, const std::byte* in, std::byte* out, Index begin, Index end);

// Writes `count` elements of `bytes` each, all equal to *value.
void fill(const std::byte* value, Index bytes, Index count, std::byte* out);

}  // namespace lichen::kernels::reference
