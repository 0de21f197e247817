// SPDX-License-Identifier: Apache-2.0
// Workers: started, watched, killed, started again; spares.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

LadderConfig three_workers() {
  LadderConfig config = two_workers();
  config.rungs.push_back(worker_rung("tiny", kMillisecondNs));
  return config;
}

TEST(LadderWorkers, AWorkerThatHangsIsKilledAndCountsAsAFailure) {
  Rig rig(two_workers());
  rig.start_all();
  (void)rig.ask({.within_ns = 10 * kSecondNs});
  const ports::WorkerId hung = rig.worker_of(0);
  rig.advance(2 * kSecondNs - 1);
  EXPECT_FALSE(rig.killed(hung));
  rig.advance(1);
  EXPECT_TRUE(rig.killed(hung));
  EXPECT_EQ(rig.status(0).state, RungState::kDying);
  rig.gone(hung, ports::WorkerEnd::kKilled);
  EXPECT_EQ(rig.happened(0, RungEvent::kHung), 1u);
  EXPECT_EQ(rig.status(0).counters.hangs, 1u);
  EXPECT_EQ(rig.status(0).counters.deaths, 0u);
}

TEST(LadderWorkers, TheRequestOfAHungWorkerMovesToTheNextRung) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask({.within_ns = 10 * kSecondNs});
  rig.advance(2 * kSecondNs);
  EXPECT_TRUE(rig.works_on(1, id));
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kHung));
}

TEST(LadderWorkers, AKillThatIsNotConfirmedIsGivenUp) {
  Rig rig(two_workers());
  rig.start_all();
  const ports::WorkerId hung = rig.worker_of(0);
  (void)rig.ask({.within_ns = 10 * kSecondNs});
  rig.advance(7 * kSecondNs);
  EXPECT_NE(rig.worker_of(0), hung);
  EXPECT_EQ(rig.status(0).state, RungState::kStarting);
  EXPECT_FALSE(rig.ladder().on(rig.now_ns(), ports::WorkerGone{hung, ports::WorkerEnd::kKilled, {}}));
  EXPECT_EQ(rig.status(0).state, RungState::kStarting);
}

TEST(LadderWorkers, AStartThatHangsIsKilledAndCounted) {
  Rig rig(two_workers());
  rig.start();
  const ports::WorkerId worker = rig.worker_of(0);
  rig.advance(20 * kSecondNs - 1);
  EXPECT_FALSE(rig.killed(worker));
  rig.advance(1);
  EXPECT_TRUE(rig.killed(worker));
  rig.gone(worker, ports::WorkerEnd::kKilled);
  EXPECT_EQ(rig.happened(0, RungEvent::kStartHung), 1u);
  EXPECT_EQ(rig.status(0).counters.start_failures, 1u);
}

TEST(LadderWorkers, AWorkerThatIsReadyAfterItWasKilledIsNotUsed) {
  Rig rig(two_workers());
  rig.start();
  const ports::WorkerId worker = rig.worker_of(0);
  rig.advance(20 * kSecondNs);
  EXPECT_TRUE(rig.ladder().on(rig.now_ns(), ports::WorkerReady{worker}));
  EXPECT_EQ(rig.status(0).state, RungState::kDying);
}

TEST(LadderWorkers, AFailedStartSaysWhyInTheStatus) {
  Rig rig(two_workers());
  rig.start();
  rig.die(0, ports::WorkerEnd::kStartFailed, "no such file");
  EXPECT_EQ(rig.status(0).last_trouble, "start_failed: no such file");
  EXPECT_EQ(rig.happened(0, RungEvent::kStartFailed), 1u);
}

TEST(LadderWorkers, ARestartComesAfterItsBackOffAndNotBefore) {
  Rig rig(two_workers());
  rig.start_all();
  rig.random().always(13 * kMillisecondNs);
  rig.die(0);
  EXPECT_EQ(rig.status(0).restart_in_ns, 13 * kMillisecondNs);
  rig.advance(13 * kMillisecondNs - 1);
  EXPECT_EQ(rig.worker_of(0), 0u);
  rig.advance(1);
  EXPECT_NE(rig.worker_of(0), 0u);
}

TEST(LadderWorkers, BackOffStaysBelowABoundThatDoublesWithEveryFailureInARow) {
  Rig rig(two_workers());
  rig.random().always(kHourNs);  // the largest that may be drawn
  rig.start();
  rig.die(0);
  EXPECT_EQ(rig.status(0).restart_in_ns, 20 * kMillisecondNs - 1);
  rig.advance(20 * kMillisecondNs);
  rig.die(0);
  EXPECT_EQ(rig.status(0).restart_in_ns, 40 * kMillisecondNs - 1);
}

TEST(LadderWorkers, ThreeFailuresOpenTheBreaker) {
  Rig rig(two_workers());
  rig.start();
  rig.bring_up(1);
  rig.break_rung(0);
  EXPECT_EQ(rig.status(0).breaker, BreakerState::kOpen);
  EXPECT_EQ(rig.happened(0, RungEvent::kBreakerOpened), 1u);
  rig.advance_answering(10 * kSecondNs - 1);
  EXPECT_EQ(rig.worker_of(0), 0u);
  rig.advance_answering(1);
  EXPECT_NE(rig.worker_of(0), 0u);
  EXPECT_EQ(rig.status(0).breaker, BreakerState::kHalfOpen);
}

TEST(LadderWorkers, TheBreakerClosesAfterTheDwellAndACanary) {
  Rig rig(two_workers());
  rig.start();
  rig.bring_up(1);
  rig.break_rung(0);
  rig.advance_answering(10 * kSecondNs);
  rig.become_ready(0);
  ASSERT_TRUE(rig.job_of(0).has_value());
  EXPECT_EQ(rig.job_of(0)->input, "c");
  rig.answer(0);
  EXPECT_EQ(rig.status(0).breaker, BreakerState::kHalfOpen);
  rig.advance(kSecondNs);
  EXPECT_EQ(rig.status(0).breaker, BreakerState::kClosed);
  EXPECT_EQ(rig.happened(0, RungEvent::kBreakerClosed), 1u);
  EXPECT_TRUE(rig.status(0).serves);
}

TEST(LadderWorkers, TheDwellAloneDoesNotCloseTheBreaker) {
  Rig rig(two_workers());
  rig.start();
  rig.bring_up(1);
  rig.break_rung(0);
  rig.advance_answering(10 * kSecondNs);
  rig.become_ready(0);
  rig.advance(kSecondNs + kSecondNs / 2);  // the canary is not answered
  EXPECT_EQ(rig.status(0).breaker, BreakerState::kHalfOpen);
  EXPECT_FALSE(rig.status(0).serves);
}

TEST(LadderWorkers, AFailureInHalfOpenOpensTheBreakerForTwiceAsLong) {
  Rig rig(two_workers());
  rig.start();
  rig.bring_up(1);
  rig.break_rung(0);
  rig.advance_answering(10 * kSecondNs);
  rig.die(0, ports::WorkerEnd::kStartFailed);
  EXPECT_EQ(rig.status(0).breaker, BreakerState::kOpen);
  EXPECT_EQ(rig.status(0).restart_in_ns, 20 * kSecondNs);
}

TEST(LadderWorkers, ABreakerThatWasOpenBeforeTheRestartMustProveItselfFirst) {
  Rig rig(two_workers());
  rig.start({1});
  EXPECT_EQ(rig.status(0).breaker, BreakerState::kHalfOpen);
  rig.become_ready(0);
  EXPECT_FALSE(rig.status(0).serves);
  rig.answer(0);
  rig.advance(kSecondNs);
  EXPECT_TRUE(rig.status(0).serves);
  EXPECT_EQ(rig.ladder().times_opened(0), 0u);
}

TEST(LadderWorkers, OnlyTheBestRungsAreLoaded) {
  Rig rig(three_workers());
  rig.start_all();
  EXPECT_NE(rig.worker_of(0), 0u);
  EXPECT_NE(rig.worker_of(1), 0u);
  EXPECT_EQ(rig.worker_of(2), 0u);
  EXPECT_EQ(rig.status(2).state, RungState::kUnloaded);
}

TEST(LadderWorkers, AnotherSpareIsLoadedWhileABetterRungIsUnwell) {
  Rig rig(three_workers());
  rig.start_all();
  rig.break_rung(0);
  EXPECT_EQ(rig.status(2).state, RungState::kStarting);
  rig.bring_up(2);
  rig.die(1);
  const auto id = rig.ask();
  rig.answer(2);
  EXPECT_TRUE(rig.answered_by(id, 2, AnswerReason::kBroken));
}

TEST(LadderWorkers, TheExtraSpareIsUnloadedWhenTheBetterRungServesAgain) {
  Rig rig(three_workers());
  rig.start_all();
  rig.die(0);
  rig.bring_up(2);
  const ports::WorkerId spare = rig.worker_of(2);
  rig.bring_up(0);
  EXPECT_FALSE(rig.killed(spare));
  rig.advance(kSecondNs);
  EXPECT_TRUE(rig.killed(spare));
  rig.gone(spare, ports::WorkerEnd::kKilled);
  EXPECT_EQ(rig.status(2).state, RungState::kUnloaded);
  EXPECT_EQ(rig.happened(2, RungEvent::kUnloaded), 1u);
  EXPECT_EQ(rig.status(2).counters.deaths, 0u);
  rig.advance_answering(kMinuteNs);
  EXPECT_EQ(rig.worker_of(2), 0u);
}

// A model that takes no input at all never dies; what is beneath it must be loaded all the same.
TEST(LadderWorkers, ASpareIsLoadedBeneathRungsThatAnswerNothing) {
  LadderConfig config = three_workers();
  config.workers_loaded_max = 1;
  Rig rig(config);
  rig.start();
  rig.become_ready(0);
  EXPECT_TRUE(rig.status(0).serves);
  for (TimeNs waited_ns = 0; waited_ns <= 2 * config.health_period_ns; waited_ns += kSecondNs) {
    if (rig.job_of(0)) rig.refuse_input(0);
    rig.advance(kSecondNs);
  }
  EXPECT_EQ(rig.status(1).state, RungState::kStarting);
  rig.bring_up(1);
  const auto id = rig.ask();
  if (!rig.works_on(1, id)) rig.refuse_input(0);
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kWorkerFailed));
}

TEST(LadderWorkers, ASpareIsNotUnloadedWhileItWorks) {
  Rig rig(three_workers());
  rig.start_all();
  rig.die(0);
  rig.bring_up(2);
  rig.die(1);
  const auto id = rig.ask({.within_ns = 5 * kSecondNs});
  ASSERT_TRUE(rig.works_on(2, id));
  rig.bring_up(0);
  rig.bring_up(1);
  rig.advance(kSecondNs);
  EXPECT_TRUE(rig.status(0).serves);
  EXPECT_FALSE(rig.killed(rig.worker_of(2)));
  rig.answer(2);
  EXPECT_TRUE(rig.end_of(id)->answered);
}

TEST(LadderWorkers, ARungThatFailedServesAgainOnlyAfterItsDwell) {
  Rig rig(two_workers());
  rig.start_all();
  rig.die(0);
  rig.become_ready(0);
  rig.answer(0);
  rig.advance(kSecondNs - 1);
  const auto before = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(before, 1, AnswerReason::kProbation));
  rig.advance(1);
  const auto after = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(after, 0, AnswerReason::kBest));
}

// A rung that dies again and again soon after each start: requests never see it.
TEST(LadderWorkers, ARungThatKeepsDyingDoesNotFlap) {
  Rig rig(two_workers());
  rig.start_all();
  rig.die(0);
  for (int round = 0; round < 50; ++round) {
    for (int wait = 0; rig.worker_of(0) == 0 && wait < 4000; ++wait) rig.advance_answering(100 * kMillisecondNs);
    ASSERT_NE(rig.worker_of(0), 0u);
    rig.become_ready(0);
    rig.answer(0);
    rig.advance(kSecondNs / 2);
    const auto id = rig.ask();
    EXPECT_TRUE(rig.works_on(1, id));
    rig.answer(1);
    EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kProbation));
    rig.die(0);
  }
  EXPECT_EQ(rig.happened(0, RungEvent::kServes), 1u);
}

}  // namespace
}  // namespace lichen::ladder
