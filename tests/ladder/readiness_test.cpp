// SPDX-License-Identifier: Apache-2.0
// Readiness tells the truth: something was answered end to end within the health period.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

LadderConfig patient() {
  LadderConfig config = two_workers();
  for (RungConfig& rung : config.rungs) rung.hang_timeout_ns = kHourNs;
  return config;
}

TEST(LadderReadiness, ALoadedWorkerIsNotReadyBeforeItAnswered) {
  Rig rig(two_workers());
  rig.start();
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
  rig.become_ready(0);
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
  rig.answer(0);
  EXPECT_TRUE(rig.ladder().ready(rig.now_ns()));
}

TEST(LadderReadiness, AReflexRungIsReadyAtOnce) {
  Rig rig(two_workers_and_reflex());
  rig.start();
  EXPECT_TRUE(rig.ladder().ready(rig.now_ns()));
  EXPECT_EQ(rig.ladder().active_rung(rig.now_ns()), 2u);
}

TEST(LadderReadiness, AReflexThatCannotAnswerItsCanaryIsNotReady) {
  Rig rig(two_workers_and_reflex());
  rig.reflex_refuses();
  rig.start();
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
}

TEST(LadderReadiness, CanariesKeepItWithoutTraffic) {
  Rig rig(two_workers());
  rig.start_all();
  for (int second = 0; second < 600; ++second) {
    rig.advance_answering(kSecondNs);
    ASSERT_TRUE(rig.ladder().ready(rig.now_ns()));
    ASSERT_TRUE(rig.status(0).healthy && rig.status(1).healthy);
  }
  EXPECT_GE(rig.status(0).counters.canaries, 40u);
  EXPECT_TRUE(rig.ends().empty());
}

TEST(LadderReadiness, ItExpiresWhenCanariesAreNotAnswered) {
  Rig rig(patient());
  rig.start();
  rig.bring_up(0);
  rig.advance(30 * kSecondNs);
  EXPECT_TRUE(rig.ladder().ready(rig.now_ns()));
  rig.advance(1);
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
  EXPECT_FALSE(rig.status(0).healthy);
}

TEST(LadderReadiness, ItEndsWithTheOnlyWorker) {
  Rig rig(two_workers());
  rig.start();
  rig.bring_up(0);
  rig.die(0);
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
  EXPECT_EQ(rig.ladder().active_rung(rig.now_ns()), 2u);
}

TEST(LadderReadiness, ARefusedCanaryProvesNothing) {
  Rig rig(two_workers());
  rig.start();
  rig.become_ready(0);
  rig.refuse_input(0);
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
  EXPECT_EQ(rig.status(0).counters.canaries, 0u);
}

TEST(LadderReadiness, ARealAnswerPutsTheNextCanaryOff) {
  Rig rig(two_workers());
  rig.start_all();
  rig.advance(14 * kSecondNs);
  (void)rig.ask();
  rig.answer(0);
  rig.advance(14 * kSecondNs);
  EXPECT_FALSE(rig.job_of(0).has_value());
  rig.advance(kSecondNs);
  EXPECT_TRUE(rig.job_of(0).has_value());
}

TEST(LadderReadiness, ACanaryThatHangsIsNoticed) {
  Rig rig(two_workers());
  rig.start_all();
  rig.advance(15 * kSecondNs);
  ASSERT_TRUE(rig.job_of(0).has_value());
  rig.advance(2 * kSecondNs);
  EXPECT_TRUE(rig.killed(rig.worker_of(0)));
}

}  // namespace
}  // namespace lichen::ladder
