// SPDX-License-Identifier: Apache-2.0
#include "fakes/event_queue.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/mix.hpp"

namespace lichen::fakes {
namespace {

TEST(EventQueue, EventsComeInTheOrderOfTheirTimes) {
  EventQueue queue;
  queue.push(30, 0, 3);
  queue.push(10, 0, 1);
  queue.push(20, 0, 2);
  EXPECT_EQ(queue.pop().kind, 1u);
  EXPECT_EQ(queue.pop().kind, 2u);
  EXPECT_EQ(queue.pop().kind, 3u);
  EXPECT_TRUE(queue.empty());
}

TEST(EventQueue, EventsOfTheSameTimeComeInTheOrderOfTheirPushes) {
  EventQueue queue;
  for (std::uint32_t i = 0; i < 100; ++i) queue.push(5, 0, i);
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_EQ(queue.pop().kind, i);
}

TEST(EventQueue, PoppingMovesTheClock) {
  EventQueue queue;
  queue.push(7, 0, 0);
  EXPECT_EQ(queue.now_ns(), 0);
  EXPECT_EQ(queue.next_ns(), 7);
  (void)queue.pop();
  EXPECT_EQ(queue.now_ns(), 7);
  EXPECT_EQ(queue.next_ns(), kNeverNs);
}

TEST(EventQueue, AJumpOfTheWallClockMovesNoMonotonicTime) {
  EventQueue queue;
  queue.push(3 * kSecondNs, 0, 0);
  (void)queue.pop();
  queue.set_wall_offset_s(-100);
  EXPECT_EQ(queue.wall_s(), -97);
  EXPECT_EQ(queue.now_ns(), 3 * kSecondNs);
}

TEST(EventQueue, AnEventCarriesWhatWasPushed) {
  EventQueue queue;
  queue.push(1, 2, 3, 4, 5);
  const Event event = queue.pop();
  EXPECT_EQ(event.time_ns, 1);
  EXPECT_EQ(event.target, 2u);
  EXPECT_EQ(event.kind, 3u);
  EXPECT_EQ(event.a, 4u);
  EXPECT_EQ(event.b, 5u);
}

// Pushes and pops mixed at random, beside a list that is sorted by (time, push).
TEST(EventQueue, ComesOutAsASortedReferenceDoes) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SplitMix64 random(seed);
    EventQueue queue;
    std::vector<std::pair<TimeNs, std::uint64_t>> reference;
    std::uint64_t pushes = 0;
    for (int step = 0; step < 2000; ++step) {
      if (reference.empty() || random.chance(550'000)) {
        const TimeNs time_ns = queue.now_ns() + static_cast<TimeNs>(random.below(20));
        queue.push(time_ns, 0, 0, ++pushes);
        const std::pair entry{time_ns, pushes};
        reference.insert(std::ranges::upper_bound(reference, entry), entry);
        continue;
      }
      const Event event = queue.pop();
      ASSERT_EQ(std::pair(event.time_ns, event.a), reference.front()) << "seed " << seed << ", step " << step;
      reference.erase(reference.begin());
    }
    ASSERT_EQ(queue.size(), reference.size());
  }
}

}  // namespace
}  // namespace lichen::fakes
