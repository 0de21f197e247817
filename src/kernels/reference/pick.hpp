// SPDX-License-Identifier: Apache-2.0
// Elements picked along every axis by a list of places: what Pad in its mirroring modes and Resize to the nearest do.
#pragma once

#include <span>
#include <vector>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

inline constexpr Index kNoPlace = -1;  // of lists: nothing is there, `value` goes there

struct Picks {
  std::vector<std::vector<Index>> places;  // for each axis, by output position: bytes into the input, or kNoPlace
  Index run = 1;                           // bytes behind the last axis
};

// Picks for each axis, which are lists of input positions, as places of a tensor of these dimensions; axes that are
// whole at the end become part of the run.
[[nodiscard]] Picks picks_of(std::vector<std::vector<Index>> positions, std::span<const std::int64_t> in_dims,
                             Index element_bytes);

// Positions [begin, end) of the first axis. `value`: one element of `value_bytes`, or null where there is no kNoPlace.
void pick(const Picks& p, const std::byte* in, const std::byte* value, Index value_bytes, std::byte* out, Index begin,
          Index end);

}  // namespace lichen::kernels::reference
