// SPDX-License-Identifier: Apache-2.0
// A ladder that is stopped and started again, as when a model is unloaded and loaded: it begins afresh.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

void stop(Rig& rig) {
  rig.ladder().stop(rig.now_ns());
}

TEST(LadderRestart, StoppedItIsNotReadyAndTakesNothing) {
  Rig rig(two_workers_and_reflex());
  rig.start_all();
  ASSERT_TRUE(rig.ladder().ready(rig.now_ns()));
  stop(rig);
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns())) << "its table could answer, but may not";
  EXPECT_EQ(rig.ladder().active_rung(rig.now_ns()), rig.ladder().rungs());
  EXPECT_FALSE(rig.status(2).serves);
  EXPECT_TRUE(rig.refused_for(rig.ask(), RefusalReason::kStopping));
}

TEST(LadderRestart, AWorkerThatEndsBeforeTheNextStartIsReplaced) {
  Rig rig(two_workers());
  rig.start_all();
  const auto old = rig.worker_of(0);
  stop(rig);
  rig.die(0, ports::WorkerEnd::kKilled);
  rig.die(1, ports::WorkerEnd::kKilled);
  rig.start_all();
  EXPECT_NE(rig.worker_of(0), old);
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderRestart, AWorkerThatEndsAfterTheNextStartIsNoFailure) {
  Rig rig(two_workers());
  rig.start_all();
  const auto old = rig.worker_of(0);
  stop(rig);
  rig.start();
  EXPECT_EQ(rig.worker_of(0), old) << "two of a kind must not run at once";
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
  rig.die(0, ports::WorkerEnd::kKilled);
  EXPECT_NE(rig.worker_of(0), old);
  EXPECT_EQ(rig.status(0).counters.deaths, 0u);
  EXPECT_EQ(rig.status(0).breaker, BreakerState::kClosed);
  rig.bring_up(0);
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderRestart, AKillThatIsNeverConfirmedIsGivenUp) {
  Rig rig(two_workers());
  rig.start_all();
  const auto old = rig.worker_of(0);
  stop(rig);
  rig.start();
  rig.advance(10 * kSecondNs);
  EXPECT_NE(rig.worker_of(0), old);
}

TEST(LadderRestart, PastFailuresAreForgotten) {
  Rig rig(two_workers());
  rig.start();
  rig.break_rung(0);
  ASSERT_EQ(rig.status(0).breaker, BreakerState::kOpen);
  stop(rig);
  rig.die(1, ports::WorkerEnd::kKilled);
  rig.start();
  EXPECT_NE(rig.worker_of(0), 0u) << "its file may have been mended";
  rig.bring_up(0);
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest)) << "and it need not prove itself for long";
}

TEST(LadderRestart, AnswersOfTheOldWorkersAreNotTakenForNewOnes) {
  Rig rig(two_workers());
  rig.start_all();
  const auto before = rig.ask();
  const auto job = rig.job_of(0).value();
  stop(rig);
  EXPECT_TRUE(rig.refused_for(before, RefusalReason::kStopping));
  rig.start();
  rig.answer(job, true);
  EXPECT_EQ(rig.ladder().open_requests(), 0u);
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
}

TEST(LadderRestart, StoppingTwiceIsStoppingOnce) {
  Rig rig(two_workers());
  rig.start_all();
  stop(rig);
  stop(rig);
  rig.die(0, ports::WorkerEnd::kKilled);
  stop(rig);
  rig.start();
  EXPECT_EQ(rig.status(0).counters.deaths, 0u);
}

}  // namespace
}  // namespace lichen::ladder
