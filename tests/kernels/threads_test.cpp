// SPDX-License-Identifier: Apache-2.0
#include "kernels/threads.hpp"

#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace {

using lichen::kernels::kThreadsMax;
using lichen::kernels::Threads;
using Index = Threads::Index;

class ThreadsTest : public ::testing::TestWithParam<int> {};

TEST_P(ThreadsTest, EveryElementIsVisitedOnce) {
  Threads threads(GetParam());
  for (const Index count : {0, 1, 2, 3, 7, 63, 64, 65, 1000}) {
    for (const Index grain : {1, 2, 5, 64}) {
      std::vector<int> visits(static_cast<std::size_t>(count), 0);
      threads.parallel_for(count, grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
      });
      EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(count), 1)) << count << " by " << grain;
    }
  }
}

TEST_P(ThreadsTest, PartsBeginAtMultiplesOfTheGrain) {
  Threads threads(GetParam());
  for (const Index count : {1, 12, 13, 100, 977}) {
    std::vector<Index> ends(static_cast<std::size_t>(count), 0);
    threads.parallel_for(count, 12, [&](Index begin, Index end) { ends[static_cast<std::size_t>(begin)] = end; });
    for (Index begin = 0; begin < count; begin = ends[static_cast<std::size_t>(begin)]) {
      EXPECT_EQ(begin % 12, 0);
      ASSERT_GT(ends[static_cast<std::size_t>(begin)], begin);
    }
  }
}

TEST_P(ThreadsTest, WhatOneRegionWroteTheNextReads) {
  Threads threads(GetParam());
  std::vector<std::int64_t> a(512, 1);
  std::vector<std::int64_t> b(512, 0);
  for (int round = 0; round < 5000; ++round) {
    threads.parallel_for(512, 8, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) b[static_cast<std::size_t>(i)] = a[static_cast<std::size_t>(511 - i)] + 1;
    });
    std::swap(a, b);
  }
  EXPECT_EQ(a, std::vector<std::int64_t>(512, 5001));
}

TEST_P(ThreadsTest, WorkersThatSleepWakeForTheNextRegion) {
  Threads threads(GetParam());
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // far longer than they spin
    std::atomic<Index> sum{0};
    threads.parallel_for(100, 1, [&](Index begin, Index end) { sum += end - begin; });
    EXPECT_EQ(sum.load(), 100);
  }
}

INSTANTIATE_TEST_SUITE_P(Counts, ThreadsTest, ::testing::Values(1, 2, 3, kThreadsMax));

TEST(Threads, SmallRegionsStayWithTheCaller) {
  Threads threads(4);
  const std::thread::id caller = std::this_thread::get_id();
  for (int round = 0; round < 100; ++round) {
    threads.parallel_for(64, 64, [&](Index, Index) { EXPECT_EQ(std::this_thread::get_id(), caller); });
  }
}

TEST(Threads, WorkersTakePart) {
  Threads threads(2);
  // The first part is not done before another has begun: that takes two threads.
  std::atomic<int> begun{0};
  threads.parallel_for(2, 1, [&](Index, Index) {
    ++begun;
    while (begun.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(begun.load(), 2);
}

TEST(Threads, ThreadsThatNobodyUsedEnd) {
  for (int round = 0; round < 50; ++round) Threads threads(3);
}

}  // namespace
