// SPDX-License-Identifier: Apache-2.0
// Slow rungs and near deadlines: hedge, rescue, last resort; late answers.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

LadderConfig hedging(LadderConfig config = two_workers()) {
  config.hedge_delay_min_ns = kMillisecondNs;
  return config;
}

TEST(LadderTime, ARungThreeTimesSlowerThanUsualIsHedged) {
  Rig rig(hedging());
  rig.start_all();
  const auto id = rig.ask();
  rig.advance(15 * kMillisecondNs - 1);
  EXPECT_FALSE(rig.works_on(1, id));
  rig.advance(1);
  EXPECT_TRUE(rig.works_on(1, id));
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kSlow));
  EXPECT_EQ(rig.ladder().counters().hedges, 1u);
}

TEST(LadderTime, AHedgedRequestIsAnsweredByTheBestRungIfThatIsFirst) {
  Rig rig(hedging());
  rig.start_all();
  const auto id = rig.ask();
  rig.advance(15 * kMillisecondNs);
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderTime, TheSecondAnswerOfAHedgeIsStaleAndNeverDelivered) {
  Rig rig(hedging());
  rig.start_all();
  const auto id = rig.ask();
  rig.advance(15 * kMillisecondNs);
  rig.answer(1);
  const auto next = rig.ask({.min_rung = 1});
  rig.answer(0);  // of the first request
  EXPECT_EQ(rig.status(0).counters.stale, 1u);
  EXPECT_EQ(rig.ends().size(), 1u);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kSlow));
  EXPECT_EQ(rig.end_of(next), nullptr);
}

TEST(LadderTime, WhenTheFirstWorkerOfAHedgeDiesTheSecondStillAnswers) {
  Rig rig(hedging());
  rig.start_all();
  const auto id = rig.ask();
  rig.advance(15 * kMillisecondNs);
  rig.die(0);
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kSlow));
  EXPECT_EQ(rig.jobs_for(id), 2u);
}

TEST(LadderTime, WhenBothWorkersOfAHedgeDieTheReflexAnswers) {
  Rig rig(hedging(two_workers_and_reflex()));
  rig.start_all();
  const auto id = rig.ask();
  rig.advance(15 * kMillisecondNs);
  rig.die(1);
  EXPECT_EQ(rig.end_of(id), nullptr);
  rig.die(0);
  EXPECT_TRUE(rig.answered_by(id, 2, AnswerReason::kSlow));
}

TEST(LadderTime, HedgesStayWithinTheirBudgetOfOneInTwenty) {
  Rig rig(hedging());
  rig.start_all();
  std::uint64_t hedges_before = 0;
  for (int request = 1; request <= 60; ++request) {
    const bool probe = request % 20 == 1 || request % 20 == 19;
    const auto id = rig.ask({.within_ns = 10 * kSecondNs});
    if (!probe) {
      rig.advance(5 * kMillisecondNs);
      rig.answer(0);
      continue;
    }
    rig.advance(40 * kMillisecondNs);
    const std::uint64_t hedges = rig.ladder().counters().hedges;
    // The token of the start pays for the first request; twenty more requests fill the next one.
    EXPECT_EQ(hedges - hedges_before, request % 20 == 1 ? 1u : 0u) << "request " << request;
    hedges_before = hedges;
    if (rig.works_on(1, id)) rig.answer(1);
    rig.answer(0);
    for (int quick = 0; quick < 40; ++quick) {  // canaries make its latency usual again
      rig.advance(15 * kSecondNs);
      for (const std::uint32_t rung : {1u, 0u}) {
        if (!rig.job_of(rung)) continue;
        rig.advance(rung == 0 ? 3 * kMillisecondNs : 2 * kMillisecondNs);
        rig.answer(rung);
      }
    }
  }
}

TEST(LadderTime, WithoutABudgetOnlyTheTokenOfTheStartIsSpent) {
  LadderConfig config = hedging();
  config.hedge_budget_ppm = 0;
  Rig rig(config);
  rig.start_all();
  for (int i = 0; i < 5; ++i) {
    (void)rig.ask({.within_ns = 10 * kSecondNs});
    rig.advance(200 * kMillisecondNs);
    if (rig.job_of(1)) rig.answer(1);
    rig.answer(0);
  }
  EXPECT_EQ(rig.ladder().counters().hedges, 1u);
}

TEST(LadderTime, ShortlyBeforeTheDeadlineTheNextWorkerComesToTheRescue) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask({.within_ns = 100 * kMillisecondNs});
  rig.advance(94 * kMillisecondNs - 1);  // the reserve of 2 ms, and twice the 2 ms of the next rung
  EXPECT_FALSE(rig.works_on(1, id));
  rig.advance(1);
  EXPECT_TRUE(rig.works_on(1, id));
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kHung));
  EXPECT_EQ(rig.ladder().counters().rescues, 1u);
}

TEST(LadderTime, TheLastResortIsTheReflexInTheReservedTime) {
  Rig rig(two_workers_and_reflex());
  rig.start_all();
  const TimeNs asked_ns = rig.now_ns();
  const auto id = rig.ask({.within_ns = 100 * kMillisecondNs});
  rig.advance(100 * kMillisecondNs);
  EXPECT_TRUE(rig.answered_by(id, 2, AnswerReason::kHung));
  EXPECT_EQ(rig.end_of(id)->at_ns, asked_ns + 98 * kMillisecondNs);
}

TEST(LadderTime, WithoutAReflexTheRequestIsRefusedBeforeItsDeadline) {
  Rig rig(two_workers());
  rig.start_all();
  const TimeNs asked_ns = rig.now_ns();
  const auto id = rig.ask({.within_ns = 100 * kMillisecondNs});
  rig.advance(100 * kMillisecondNs);
  EXPECT_TRUE(rig.refused_for(id, RefusalReason::kDeadlineExceeded));
  EXPECT_EQ(rig.end_of(id)->at_ns, asked_ns + 98 * kMillisecondNs);
}

TEST(LadderTime, OfAShortDeadlineAtMostAQuarterIsReserved) {
  LadderConfig config = two_workers_and_reflex();
  config.rungs[0].expected_ns = config.rungs[1].expected_ns = kMicrosecondNs;
  Rig rig(config);
  rig.start_all();
  const TimeNs asked_ns = rig.now_ns();
  const auto id = rig.ask({.within_ns = kMillisecondNs});
  rig.advance(kMillisecondNs);
  EXPECT_TRUE(rig.answered_by(id, 2, AnswerReason::kHung));
  EXPECT_EQ(rig.end_of(id)->at_ns, asked_ns + 750 * kMicrosecondNs);
}

TEST(LadderTime, AnAnswerAfterTheLastResortIsStale) {
  Rig rig(two_workers_and_reflex());
  rig.start_all();
  const auto id = rig.ask({.within_ns = 100 * kMillisecondNs});
  rig.advance(100 * kMillisecondNs);
  rig.answer(0);
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 2, AnswerReason::kHung));
  EXPECT_EQ(rig.ends().size(), 1u);
  EXPECT_EQ(rig.status(0).counters.stale, 1u);
  EXPECT_EQ(rig.status(1).counters.stale, 1u);
}

TEST(LadderTime, AnAnswerToAJobThatWasGivenUpIsIgnored) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask({.within_ns = 10 * kSecondNs});
  const Job first = *rig.job_of(0);
  rig.advance(2 * kSecondNs);  // it hangs, and is killed
  rig.answer(first, true);
  EXPECT_EQ(rig.end_of(id), nullptr);
  EXPECT_TRUE(rig.works_on(1, id));
}

TEST(LadderTime, AnAnswerToAnotherJobOfTheSameWorkerIsIgnored) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask();
  Job other = rig.job_of(0).value();
  other.job += 1000;
  rig.answer(other, true);
  EXPECT_EQ(rig.end_of(id), nullptr);
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderTime, LatencyIsLearnedFromAnswers) {
  Rig rig(two_workers());
  rig.start_all();
  for (int i = 0; i < 100; ++i) {
    (void)rig.ask();
    rig.advance(12 * kMillisecondNs);
    rig.answer(0);
  }
  EXPECT_GT(rig.status(0).latency_ns, 11 * kMillisecondNs);
  EXPECT_LE(rig.status(0).latency_ns, 12 * kMillisecondNs);
}

TEST(LadderTime, OneStallIsNotTheRule) {
  Rig rig(two_workers());
  rig.start_all();
  (void)rig.ask({.within_ns = 10 * kSecondNs});
  rig.advance(kSecondNs);
  rig.answer(0);
  EXPECT_LT(rig.status(0).latency_ns, 7 * kMillisecondNs);
}

// A rung that seemed too slow for the deadlines of its clients would never be asked again, and never be known better.
TEST(LadderTime, ARungPassedOverAsTooSlowIsMeasuredAgainSoon) {
  LadderConfig config = two_workers();
  config.rungs[0].expected_ns = 50 * kMillisecondNs;
  Rig rig(config);
  rig.start_all();
  (void)rig.ask({.within_ns = 20 * kMillisecondNs});
  rig.answer(1);
  rig.advance(config.health_period_ns / 16);
  ASSERT_TRUE(rig.job_of(0).has_value());
  EXPECT_EQ(rig.job_of(0)->input, "c");
}

}  // namespace
}  // namespace lichen::ladder
