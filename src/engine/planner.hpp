// SPDX-License-Identifier: Apache-2.0
// Places blocks of memory in one arena so that blocks which are alive at the same time do not overlap: greedy by size
// (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, section 5.2).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lichen::engine {

inline constexpr std::size_t kArenaAlign = 64;  // a cache line, and the widest vector

struct Block {
  std::size_t bytes = 0;
  std::size_t first_step = 0;  // alive from this step
  std::size_t last_step = 0;   // to this one, both included
};

struct Placement {
  std::vector<std::size_t> offsets;  // of each block, multiples of kArenaAlign
  std::size_t total_bytes = 0;
};

// Quadratic in the number of blocks.
[[nodiscard]] Placement place(std::span<const Block> blocks);

}  // namespace lichen::engine
