// SPDX-License-Identifier: Apache-2.0
#include "backends/watch.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace lichen::backends {
namespace {

class HandClock final : public ports::Clock {
 public:
  [[nodiscard]] TimeNs now_ns() const override { return now; }
  [[nodiscard]] std::int64_t wall_s() const override { return 0; }
  std::atomic<TimeNs> now{1};
};

void wait_for(const std::atomic<int>& count, int wanted) {
  while (count < wanted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(Watch, ARunWithoutFlagAndDeadlineNeedsNone) {
  const HandClock clock;
  const std::atomic<bool> cancelled{false};
  EXPECT_FALSE(Watch::is_needed({}));
  EXPECT_FALSE(Watch::is_needed({.clock = &clock}));
  EXPECT_TRUE(Watch::is_needed({.cancelled = &cancelled}));
  EXPECT_TRUE(Watch::is_needed({.clock = &clock, .deadline_ns = 5}));
}

TEST(Watch, StopsARunOnceWhenItIsCancelledAndSaysSo) {
  std::atomic<int> stops{0};
  Watch watch([&] { ++stops; });
  std::atomic<bool> cancelled{false};
  const engine::RunOptions options{.cancelled = &cancelled};
  watch.begin(options);
  cancelled = true;
  wait_for(stops, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto ended = watch.end();
  EXPECT_EQ(stops, 1);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::kUnavailable);
}

TEST(Watch, StopsARunWhoseDeadlineIsPastByTheClockThatItWasGiven) {
  std::atomic<int> stops{0};
  Watch watch([&] { ++stops; });
  HandClock clock;
  const engine::RunOptions options{.clock = &clock, .deadline_ns = kSecondNs};
  watch.begin(options);
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(stops, 0);
  clock.now = kSecondNs;
  wait_for(stops, 1);
  EXPECT_EQ(watch.end().error().code, Code::kDeadlineExceeded);
}

TEST(Watch, LooksAfterOneRunAfterTheOtherAndAfterNoneInBetween) {
  std::atomic<int> stops{0};
  Watch watch([&] { ++stops; });
  std::atomic<bool> cancelled{false};
  const engine::RunOptions options{.cancelled = &cancelled};
  for (int run = 1; run <= 3; ++run) {
    cancelled = false;
    watch.begin(options);
    EXPECT_TRUE(watch.end());
    cancelled = true;  // nobody runs
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    EXPECT_EQ(stops, run - 1);
    watch.begin(options);
    wait_for(stops, run);
    EXPECT_FALSE(watch.end());
  }
}

}  // namespace
}  // namespace lichen::backends
