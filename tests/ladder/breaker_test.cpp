// SPDX-License-Identifier: Apache-2.0
// Every arrow of the breaker's transition table, and the back-off beneath it.
#include "ladder/breaker.hpp"

#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

constexpr TimeNs kStart = kHourNs;

BreakerConfig config() {
  return {.failures_max = 3,
          .window_ns = 60 * kSecondNs,
          .open_ns = 10 * kSecondNs,
          .open_max_ns = 60 * kSecondNs,
          .backoff_ns = 20 * kMillisecondNs,
          .backoff_max_ns = kSecondNs};
}

class BreakerTest : public testing::Test {
 protected:
  // Opens it with failures_max failures at `now_ns`; returns when it may be tried again.
  TimeNs open(TimeNs now_ns) {
    for (std::uint32_t i = 1; i < config().failures_max; ++i) (void)breaker.failed(now_ns);
    return breaker.failed(now_ns);
  }

  FixedRandom random;
  Breaker breaker{config(), random};
};

TEST_F(BreakerTest, StartsClosedAndWithoutAFailure) {
  EXPECT_EQ(breaker.state(kStart), BreakerState::kClosed);
  EXPECT_FALSE(breaker.has_failed());
  EXPECT_EQ(breaker.times_opened(), 0u);
}

TEST_F(BreakerTest, FewerFailuresThanTheLimitLeaveItClosed) {
  (void)breaker.failed(kStart);
  (void)breaker.failed(kStart + 1);
  EXPECT_EQ(breaker.state(kStart + 1), BreakerState::kClosed);
  EXPECT_TRUE(breaker.has_failed());
}

TEST_F(BreakerTest, TheLastOfTooManyFailuresWithinTheWindowOpensIt) {
  (void)breaker.failed(kStart);
  (void)breaker.failed(kStart + 30 * kSecondNs);
  const TimeNs until_ns = breaker.failed(kStart + 60 * kSecondNs);
  EXPECT_EQ(breaker.state(kStart + 60 * kSecondNs), BreakerState::kOpen);
  EXPECT_EQ(until_ns, kStart + 70 * kSecondNs);
  EXPECT_EQ(breaker.times_opened(), 1u);
}

TEST_F(BreakerTest, FailuresOlderThanTheWindowDoNotCount) {
  (void)breaker.failed(kStart);
  (void)breaker.failed(kStart + 30 * kSecondNs);
  (void)breaker.failed(kStart + 60 * kSecondNs + 1);
  EXPECT_EQ(breaker.state(kStart + 60 * kSecondNs + 1), BreakerState::kClosed);
}

TEST_F(BreakerTest, OpenBecomesHalfOpenWhenItsTimeIsOver) {
  const TimeNs until_ns = open(kStart);
  EXPECT_EQ(breaker.state(until_ns - 1), BreakerState::kOpen);
  EXPECT_EQ(breaker.state(until_ns), BreakerState::kHalfOpen);
}

TEST_F(BreakerTest, AFailureInHalfOpenOpensItAgainForTwiceAsLong) {
  const TimeNs half_open_ns = open(kStart);
  EXPECT_EQ(breaker.failed(half_open_ns), half_open_ns + 20 * kSecondNs);
  EXPECT_EQ(breaker.state(half_open_ns), BreakerState::kOpen);
  EXPECT_EQ(breaker.times_opened(), 2u);
}

TEST_F(BreakerTest, ProvedInHalfOpenClosesIt) {
  const TimeNs half_open_ns = open(kStart);
  breaker.proved();
  EXPECT_EQ(breaker.state(half_open_ns), BreakerState::kClosed);
  EXPECT_FALSE(breaker.has_failed());
  EXPECT_EQ(breaker.times_opened(), 0u);
}

TEST_F(BreakerTest, TheOpenTimeDoublesUpToItsCap) {
  TimeNs now_ns = kStart;
  TimeNs until_ns = open(now_ns);
  for (const TimeNs expected_s : {10, 20, 40, 60, 60, 60}) {
    EXPECT_EQ(until_ns - now_ns, expected_s * kSecondNs);
    now_ns = until_ns;
    until_ns = breaker.failed(now_ns);
  }
}

TEST_F(BreakerTest, OpenedAndProvedAgainAndAgainTheOpenTimeStillGrows) {
  TimeNs now_ns = kStart;
  for (const TimeNs expected_s : {10, 20, 40}) {
    const TimeNs until_ns = open(now_ns);
    EXPECT_EQ(until_ns - now_ns, expected_s * kSecondNs);
    breaker.proved();
    now_ns = until_ns;
  }
}

TEST_F(BreakerTest, AfterALongTimeWithoutOpeningTheOpenTimeStartsAnew) {
  TimeNs until_ns = open(kStart);
  breaker.proved();
  const TimeNs later_ns = until_ns + kWindowsToForget * config().window_ns + 1;
  until_ns = open(later_ns);
  EXPECT_EQ(until_ns - later_ns, 10 * kSecondNs);
}

TEST_F(BreakerTest, ProvedWhileClosedDoesNotForgetRecentFailures) {
  (void)breaker.failed(kStart);
  (void)breaker.failed(kStart);
  breaker.proved();
  (void)breaker.failed(kStart + kSecondNs);
  EXPECT_EQ(breaker.state(kStart + kSecondNs), BreakerState::kOpen);
}

TEST_F(BreakerTest, BackOffIsDrawnBelowABoundThatDoublesUpToItsCap) {
  BreakerConfig many = config();
  many.failures_max = 16;
  Breaker patient(many, random);
  for (const TimeNs expected_ms : {20, 40, 80, 160, 320, 640, 1000, 1000}) {
    (void)patient.failed(kStart);
    EXPECT_EQ(random.last_bound(), static_cast<std::uint64_t>(expected_ms * kMillisecondNs));
  }
}

TEST_F(BreakerTest, BackOffIsExactlyWhatWasDrawn) {
  random.always(7 * kMillisecondNs);
  EXPECT_EQ(breaker.failed(kStart), kStart + 7 * kMillisecondNs);
}

TEST_F(BreakerTest, ProvedResetsTheBackOff) {
  BreakerConfig many = config();
  many.failures_max = 16;
  Breaker patient(many, random);
  for (int i = 0; i < 4; ++i) (void)patient.failed(kStart);
  patient.proved();
  (void)patient.failed(kStart);
  EXPECT_EQ(random.last_bound(), static_cast<std::uint64_t>(20 * kMillisecondNs));
}

TEST_F(BreakerTest, ARestoredBreakerIsHalfOpenAndOneFailureOpensItForLonger) {
  breaker.restore(2);
  EXPECT_EQ(breaker.state(kStart), BreakerState::kHalfOpen);
  EXPECT_TRUE(breaker.has_failed());
  EXPECT_EQ(breaker.times_opened(), 2u);
}

// Monotonic time starts near 0 after a reboot, so the time of the last opening is not known.
TEST_F(BreakerTest, ARestoredBreakerRemembersHowOftenItOpened) {
  breaker.restore(2);
  EXPECT_EQ(breaker.failed(kSecondNs), kSecondNs + 40 * kSecondNs);
  EXPECT_EQ(breaker.times_opened(), 3u);
}

TEST_F(BreakerTest, RestoringZeroLeavesItClosed) {
  breaker.restore(0);
  EXPECT_EQ(breaker.state(kStart), BreakerState::kClosed);
}

TEST_F(BreakerTest, AnAbsurdStoredCountIsCapped) {
  breaker.restore(~0u);
  EXPECT_EQ(breaker.failed(kSecondNs), kSecondNs + config().open_max_ns);
}

TEST_F(BreakerTest, ALimitOfOneOpensAtTheFirstFailure) {
  BreakerConfig strict = config();
  strict.failures_max = 1;
  Breaker one(strict, random);
  EXPECT_EQ(one.failed(kStart), kStart + strict.open_ns);
  EXPECT_EQ(one.state(kStart), BreakerState::kOpen);
}

}  // namespace
}  // namespace lichen::ladder
