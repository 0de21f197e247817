// SPDX-License-Identifier: Apache-2.0
// Requests that wait: their limit, their order, and where they go when their rung goes.
#include <vector>

#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

LadderConfig one_worker() {
  LadderConfig config;
  config.rungs = {worker_rung("primary", 5 * kMillisecondNs)};
  config.hedge_delay_min_ns = kHourNs;
  return config;
}

// The order in which the one worker is given the waiting requests.
std::vector<ports::RequestId> order_of_work(Rig& rig) {
  while (rig.job_of(0)) rig.answer(0);
  std::vector<ports::RequestId> order;
  for (const End& end : rig.ends()) order.push_back(end.id);
  return order;
}

TEST(LadderQueue, BeyondItsLimitARequestIsRefusedAtOnce) {
  LadderConfig config = one_worker();
  config.open_requests_max = 2;
  Rig rig(config);
  rig.start_all();
  const auto first = rig.ask();
  (void)rig.ask();
  const auto third = rig.ask();
  EXPECT_TRUE(rig.refused_for(third, RefusalReason::kOverloaded));
  EXPECT_EQ(rig.end_of(third)->at_ns, rig.now_ns());
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(first, 0, AnswerReason::kBest));
  EXPECT_EQ(rig.end_of(rig.ask()), nullptr);  // there is room again
}

TEST(LadderQueue, BeyondItsLimitAReflexRungAnswersAtOnce) {
  LadderConfig config = one_worker();
  config.rungs.push_back(reflex_rung());
  config.open_requests_max = 1;
  Rig rig(config);
  rig.start_all();
  (void)rig.ask();
  const auto beyond = rig.ask();
  EXPECT_TRUE(rig.answered_by(beyond, 1, AnswerReason::kOverload));
  EXPECT_EQ(rig.end_of(beyond)->at_ns, rig.now_ns());
}

TEST(LadderQueue, AReflexRungWithoutATableStaysDownAndSaysWhy) {
  LadderConfig config = one_worker();
  config.rungs.push_back(reflex_rung());
  Rig rig(config, "no such file");
  rig.start();
  rig.bring_up(0);
  const RungStatus status = rig.ladder().rung_status(rig.now_ns(), 1);
  EXPECT_EQ(status.state, RungState::kDown);
  EXPECT_FALSE(status.serves);
  EXPECT_FALSE(status.healthy);
  EXPECT_EQ(status.last_trouble, "no such file");
  rig.die(0);
  EXPECT_TRUE(rig.refused_for(rig.ask(), RefusalReason::kNoRungAvailable));
  EXPECT_FALSE(rig.ladder().ready(rig.now_ns()));
}

TEST(LadderQueue, BeyondItsLimitARequestForABetterRungIsRefused) {
  LadderConfig config = one_worker();
  config.rungs.push_back(reflex_rung());
  config.open_requests_max = 1;
  Rig rig(config);
  rig.start_all();
  (void)rig.ask();
  EXPECT_TRUE(rig.refused_for(rig.ask({.min_rung = 0}), RefusalReason::kOverloaded));
}

TEST(LadderQueue, ARequestThatCannotBeServedInTurnIsRefusedAtOnce) {
  Rig rig(one_worker());
  rig.start_all();
  for (int i = 0; i < 3; ++i) (void)rig.ask();
  EXPECT_TRUE(rig.refused_for(rig.ask({.within_ns = 15 * kMillisecondNs}), RefusalReason::kOverloaded));
}

TEST(LadderQueue, TheNearerDeadlineGoesFirst) {
  Rig rig(one_worker());
  rig.start_all();
  const auto running = rig.ask();
  const auto late = rig.ask({.within_ns = 300 * kMillisecondNs});
  const auto soon = rig.ask({.within_ns = 200 * kMillisecondNs});
  EXPECT_EQ(order_of_work(rig), (std::vector{running, soon, late}));
}

TEST(LadderQueue, AHigherPriorityGoesBeforeANearerDeadline) {
  Rig rig(one_worker());
  rig.start_all();
  const auto running = rig.ask();
  const auto soon = rig.ask({.within_ns = 200 * kMillisecondNs});
  const auto important = rig.ask({.within_ns = 400 * kMillisecondNs, .priority = 1});
  EXPECT_EQ(order_of_work(rig), (std::vector{running, important, soon}));
}

TEST(LadderQueue, EqualsGoInTheOrderInWhichTheyCame) {
  Rig rig(one_worker());
  rig.start_all();
  std::vector<ports::RequestId> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(rig.ask());
  EXPECT_EQ(order_of_work(rig), asked);
}

TEST(LadderQueue, WhenItsRungDiesTheQueueMovesToTheNextOne) {
  Rig rig(two_workers());
  rig.start_all();
  const auto running = rig.ask();
  const auto waiting = rig.ask();
  rig.die(0);
  EXPECT_TRUE(rig.works_on(1, running));
  rig.answer(1);
  EXPECT_TRUE(rig.works_on(1, waiting));
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(running, 1, AnswerReason::kWorkerDied));
  EXPECT_TRUE(rig.answered_by(waiting, 1, AnswerReason::kBroken));
}

TEST(LadderQueue, WhenItsRungIsKilledTheQueueMovesBeforeTheKillIsConfirmed) {
  Rig rig(two_workers());
  rig.start_all();
  const auto running = rig.ask({.within_ns = 20 * kSecondNs});
  const auto waiting = rig.ask({.within_ns = 20 * kSecondNs});
  rig.advance(2 * kSecondNs);
  EXPECT_EQ(rig.status(0).state, RungState::kDying);
  EXPECT_TRUE(rig.works_on(1, running));
  rig.answer(1);
  EXPECT_TRUE(rig.works_on(1, waiting));
}

TEST(LadderQueue, AWaitingRequestStepsDownWhenItsRungCanNoLongerMakeIt) {
  Rig rig(two_workers());
  rig.start_all();
  (void)rig.ask({.within_ns = 10 * kSecondNs});
  const auto id = rig.ask({.within_ns = 30 * kMillisecondNs});
  rig.advance(22 * kMillisecondNs);
  EXPECT_FALSE(rig.works_on(1, id));
  rig.advance(kMillisecondNs + 1);  // the deadline less 2 ms of reserve and 5 ms of work
  EXPECT_TRUE(rig.works_on(1, id));
}

TEST(LadderQueue, AWaitingRequestIsRefusedBeforeItsDeadline) {
  Rig rig(one_worker());
  rig.start_all();
  (void)rig.ask({.within_ns = kSecondNs});
  const auto id = rig.ask({.within_ns = 50 * kMillisecondNs});
  rig.advance(50 * kMillisecondNs);
  ASSERT_NE(rig.end_of(id), nullptr);
  EXPECT_FALSE(rig.end_of(id)->answered);
}

TEST(LadderQueue, StopRefusesEverythingOpenAndKillsTheWorkers) {
  Rig rig(two_workers());
  rig.start_all();
  std::vector<ports::RequestId> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(rig.ask());
  rig.ladder().stop(rig.now_ns());
  for (const auto id : asked) EXPECT_TRUE(rig.refused_for(id, RefusalReason::kStopping));
  EXPECT_TRUE(rig.killed(rig.worker_of(0)));
  EXPECT_TRUE(rig.killed(rig.worker_of(1)));
  EXPECT_EQ(rig.ladder().open_requests(), 0u);
}

TEST(LadderQueue, AfterStopEverythingIsRefusedAndNothingStarts) {
  Rig rig(two_workers_and_reflex());
  rig.start_all();
  rig.ladder().stop(rig.now_ns());
  EXPECT_TRUE(rig.refused_for(rig.ask(), RefusalReason::kStopping));
  EXPECT_EQ(rig.ladder().next_wake_ns(), kNeverNs);
  rig.gone(rig.worker_of(0), ports::WorkerEnd::kKilled);
  rig.gone(rig.worker_of(1), ports::WorkerEnd::kKilled);
  EXPECT_EQ(rig.worker_of(0), 0u);
  EXPECT_EQ(rig.worker_of(1), 0u);
}

TEST(LadderQueue, WorkersThatStopKilledDidNotFail) {
  Rig rig(two_workers());
  rig.start_all();
  rig.ladder().stop(rig.now_ns());
  rig.gone(rig.worker_of(0), ports::WorkerEnd::kKilled);
  EXPECT_EQ(rig.status(0).counters.deaths, 0u);
  EXPECT_EQ(rig.happened(0, RungEvent::kDied), 0u);
  EXPECT_EQ(rig.ladder().times_opened(0), 0u);
}

TEST(LadderQueue, AWorkerThatBecomesReadyAfterStopGetsNoWork) {
  Rig rig(two_workers());
  rig.start();
  rig.ladder().stop(rig.now_ns());
  rig.become_ready(0);
  EXPECT_FALSE(rig.job_of(0).has_value());
}

TEST(LadderQueue, AClientMayAskAgainFromWithinItsAnswer) {
  Rig rig(two_workers());
  rig.start_all();
  ports::RequestId second = 0;
  rig.when_ended = [&](const End& end) {
    if (end.id == 1) second = rig.ask();
  };
  const auto first = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(first, 0, AnswerReason::kBest));
  EXPECT_TRUE(rig.works_on(0, second));
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(second, 0, AnswerReason::kBest));
}

TEST(LadderQueue, AClientMayAskAgainFromWithinItsRefusal) {
  LadderConfig config = one_worker();
  config.open_requests_max = 4;
  Rig rig(config);
  rig.start_all();
  int again = 0;
  rig.when_ended = [&](const End& end) {
    if (!end.answered && again < 8) {
      ++again;
      (void)rig.ask({.within_ns = 40 * kMillisecondNs});
    }
  };
  for (int i = 0; i < 4; ++i) (void)rig.ask({.within_ns = 40 * kMillisecondNs});
  rig.advance(kSecondNs);
  EXPECT_EQ(rig.ends().size(), 12u);
  EXPECT_EQ(rig.ladder().open_requests(), 0u);
}

}  // namespace
}  // namespace lichen::ladder
