// SPDX-License-Identifier: Apache-2.0
// Which rung is asked, and why not a better one.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

TEST(Ladder, TheBestRungAnswers) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask();
  rig.advance(3 * kMillisecondNs);
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
  EXPECT_EQ(rig.end_of(id)->latency_ns, 3 * kMillisecondNs);
  EXPECT_EQ(rig.jobs_for(id), 1u);
}

TEST(Ladder, ALowerRungAnswersWhileTheBestIsStarting) {
  Rig rig(two_workers());
  rig.start();
  rig.bring_up(1);
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kStarting));
}

TEST(Ladder, ALowerRungAnswersWhileTheBestIsDown) {
  Rig rig(two_workers());
  rig.start_all();
  rig.random().always(kHourNs);  // the longest back-off
  rig.die(0);
  EXPECT_EQ(rig.status(0).state, RungState::kDown);
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kBroken));
}

TEST(Ladder, ALowerRungAnswersWhileTheBestIsOnProbation) {
  Rig rig(two_workers());
  rig.start_all();
  rig.die(0);
  rig.become_ready(0);
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kProbation));
}

TEST(Ladder, ALowerRungAnswersWhenTheBestIsBusyBeyondTheDeadline) {
  Rig rig(two_workers());
  rig.start_all();
  (void)rig.ask();
  const auto id = rig.ask({.within_ns = 7 * kMillisecondNs});
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kOverload));
}

TEST(Ladder, ABusyRungIsWaitedForWhileTheDeadlineAllows) {
  Rig rig(two_workers());
  rig.start_all();
  (void)rig.ask();
  const auto id = rig.ask({.within_ns = 20 * kMillisecondNs});
  EXPECT_FALSE(rig.job_of(1).has_value());
  rig.advance(5 * kMillisecondNs);
  rig.answer(0);
  EXPECT_TRUE(rig.works_on(0, id));
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(Ladder, ALowerRungAnswersWhenTheDeadlineIsTooNearForTheBest) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask({.within_ns = 4 * kMillisecondNs});
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kDeadline));
}

TEST(Ladder, NobodyQueuesBehindAWorkerThatSeemsToHang) {
  Rig rig([] {
    LadderConfig config = two_workers();
    config.hedge_delay_min_ns = kMillisecondNs;
    config.hedge_budget_ppm = 0;
    return config;
  }());
  rig.start_all();
  (void)rig.ask({.within_ns = 10 * kSecondNs});  // hedged with the token of the start
  rig.advance(16 * kMillisecondNs);
  rig.answer(1);
  rig.advance(6 * kMillisecondNs);
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kHung));
}

TEST(Ladder, TheReflexAnswersAtOnceWhenNoWorkerCan) {
  Rig rig(two_workers_and_reflex());
  rig.start();
  const auto id = rig.ask();
  EXPECT_TRUE(rig.answered_by(id, 2, AnswerReason::kStarting));
  EXPECT_EQ(rig.end_of(id)->latency_ns, 0);
}

TEST(Ladder, ARequestInFlightMovesToTheNextRungWhenItsWorkerDies) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask();
  rig.die(0);
  EXPECT_TRUE(rig.works_on(1, id));
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kWorkerDied));
}

TEST(Ladder, ARequestThatAModelRefusesGoesToTheNextRung) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask();
  rig.refuse_input(0);
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kWorkerFailed));
  EXPECT_EQ(rig.status(0).counters.input_refused, 1u);
  EXPECT_EQ(rig.status(0).state, RungState::kReady);
}

TEST(Ladder, ARequestThatEveryRungRefusesIsRefusedAfterOneTryOfEach) {
  Rig rig(two_workers_and_reflex());
  rig.start_all();
  rig.reflex_refuses();
  const auto id = rig.ask();
  rig.refuse_input(0);
  rig.refuse_input(1);
  EXPECT_TRUE(rig.refused_for(id, RefusalReason::kInputRefused));
  EXPECT_EQ(rig.jobs_for(id), 2u);
}

TEST(Ladder, ARungThatDiedWithARequestIsNotAskedAgainForIt) {
  Rig rig([] {
    LadderConfig config;
    config.rungs = {worker_rung("primary", 5 * kMillisecondNs)};
    return config;
  }());
  rig.start_all();
  const auto id = rig.ask();
  rig.die(0);
  EXPECT_TRUE(rig.refused_for(id, RefusalReason::kNoRungAvailable));
  rig.become_ready(0);
  EXPECT_EQ(rig.jobs_for(id), 1u);
}

TEST(Ladder, AtTheVeryStartARequestWaitsForTheFirstWorker) {
  Rig rig(two_workers());
  rig.start();
  const auto id = rig.ask();
  EXPECT_EQ(rig.end_of(id), nullptr);
  rig.advance(30 * kMillisecondNs);
  rig.become_ready(0);
  EXPECT_TRUE(rig.works_on(0, id));
}

TEST(Ladder, ARequestWaitsForNoWorkerThatIsStartingAfterAFailure) {
  Rig rig([] {
    LadderConfig config;
    config.rungs = {worker_rung("primary", 5 * kMillisecondNs)};
    return config;
  }());
  rig.start_all();
  rig.die(0);
  EXPECT_EQ(rig.status(0).state, RungState::kStarting);
  EXPECT_TRUE(rig.refused_for(rig.ask(), RefusalReason::kNoRungAvailable));
}

TEST(Ladder, ARungOnProbationAnswersIfNothingElseCan) {
  Rig rig([] {
    LadderConfig config;
    config.rungs = {worker_rung("primary", 5 * kMillisecondNs)};
    return config;
  }());
  rig.start_all();
  rig.die(0);
  rig.bring_up(0);
  EXPECT_FALSE(rig.status(0).serves);
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(Ladder, MinRungGetsAnHonestErrorInsteadOfAWorseAnswer) {
  Rig rig(two_workers_and_reflex());
  rig.start_all();
  rig.random().always(kHourNs);
  rig.die(0);
  EXPECT_TRUE(rig.refused_for(rig.ask({.min_rung = 0}), RefusalReason::kMinRungUnavailable));
  const auto second = rig.ask({.min_rung = 1});
  rig.die(1);
  EXPECT_TRUE(rig.refused_for(second, RefusalReason::kMinRungUnavailable));
}

TEST(Ladder, MinRungIsMetByABetterRung) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask({.min_rung = 1});
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(Ladder, ARefusalSaysWhenToTryAgain) {
  Rig rig([] {
    LadderConfig config;
    config.rungs = {worker_rung("primary", 5 * kMillisecondNs)};
    return config;
  }());
  rig.start_all();
  rig.random().always(15 * kMillisecondNs);
  rig.die(0);
  const auto id = rig.ask();
  ASSERT_TRUE(rig.refused_for(id, RefusalReason::kNoRungAvailable));
  EXPECT_EQ(rig.end_of(id)->retry_after_ns, 15 * kMillisecondNs + kSecondNs);  // the back-off and the dwell
}

TEST(Ladder, ADeadlineTooShortForEveryRungIsRefusedAtOnce) {
  Rig rig(two_workers());
  rig.start_all();
  EXPECT_TRUE(rig.refused_for(rig.ask({.within_ns = 2 * kMillisecondNs}), RefusalReason::kDeadlineTooShort));
}

TEST(Ladder, ADeadlineThatHasPassedIsRefusedAtOnce) {
  Rig rig(two_workers_and_reflex());
  rig.start_all();
  EXPECT_TRUE(rig.refused_for(rig.ask({.within_ns = 0}), RefusalReason::kDeadlineTooShort));
}

TEST(Ladder, EventsOfUnknownWorkersAreNotItsOwn) {
  Rig rig(two_workers());
  rig.start_all();
  EXPECT_FALSE(rig.ladder().on(rig.now_ns(), ports::WorkerReady{999}));
  EXPECT_FALSE(rig.ladder().on(rig.now_ns(), ports::WorkerAnswered{999, 1, true, {}}));
  EXPECT_FALSE(rig.ladder().on(rig.now_ns(), ports::WorkerGone{999, ports::WorkerEnd::kDied, {}}));
}

}  // namespace
}  // namespace lichen::ladder
