// SPDX-License-Identifier: Apache-2.0
#include "engine/planner.hpp"

#include <algorithm>
#include <numeric>

namespace lichen::engine {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kArenaAlign - 1) / kArenaAlign * kArenaAlign;
}

bool alive_together(const Block& a, const Block& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

}  // namespace

Placement place(std::span<const Block> blocks) {
  Placement placement{std::vector<std::size_t>(blocks.size(), 0), 0};
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return blocks[a].bytes != blocks[b].bytes ? blocks[a].bytes > blocks[b].bytes : a < b;
  });
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t block : order) {
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (!alive_together(blocks[block], blocks[other])) continue;
      if (offset + aligned(blocks[block].bytes) <= placement.offsets[other]) break;  // fits into the gap before it
      offset = std::max(offset, placement.offsets[other] + aligned(blocks[other].bytes));
    }
    placement.offsets[block] = offset;
    placement.total_bytes = std::max(placement.total_bytes, offset + aligned(blocks[block].bytes));
    const auto at =
        std::ranges::upper_bound(placed, offset, {}, [&](std::size_t other) { return placement.offsets[other]; });
    placed.insert(at, block);
  }
  return placement;
}

}  // namespace lichen::engine
