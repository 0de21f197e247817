// SPDX-License-Identifier: Apache-2.0
#include "engine/planner.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace {

using namespace lichen::engine;

TEST(Planner, BlocksThatLiveTogetherDoNotOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Block> blocks(random() % 40);
    std::size_t sum = 0;
    for (Block& block : blocks) {
      block.bytes = random() % 3000;
      block.first_step = random() % 20;
      block.last_step = block.first_step + random() % 6;
      sum += (block.bytes + kArenaAlign - 1) / kArenaAlign * kArenaAlign;
    }
    const Placement placement = place(blocks);
    EXPECT_LE(placement.total_bytes, sum);
    for (std::size_t a = 0; a < blocks.size(); ++a) {
      EXPECT_EQ(placement.offsets[a] % kArenaAlign, 0U);
      EXPECT_LE(placement.offsets[a] + blocks[a].bytes, placement.total_bytes);
      for (std::size_t b = 0; b < a; ++b) {
        const bool in_time = blocks[a].first_step <= blocks[b].last_step && blocks[b].first_step <= blocks[a].last_step;
        const bool in_space = placement.offsets[a] < placement.offsets[b] + blocks[b].bytes &&
                              placement.offsets[b] < placement.offsets[a] + blocks[a].bytes;
        EXPECT_FALSE(in_time && in_space && blocks[a].bytes > 0 && blocks[b].bytes > 0)
            << round << ": " << a << ", " << b;
      }
    }
  }
}

TEST(Planner, AChainNeedsTwoBlocks) {
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < 10; ++i) blocks.push_back({640, i, i + 1});
  EXPECT_EQ(place(blocks).total_bytes, 2 * 640U);
}

}  // namespace
