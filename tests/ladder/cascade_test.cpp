// SPDX-License-Identifier: Apache-2.0
// A cascade asks the cheapest rung first, and better ones only while the answer is unsure and there is time.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

constexpr Ppm kSure = 950'000;
constexpr Ppm kUnsure = 500'000;

LadderConfig cascade(LadderConfig config = two_workers()) {
  config.strategy = Strategy::kCascade;
  return config;
}

TEST(LadderCascade, ACheapAnswerThatIsSureIsGiven) {
  Rig rig(cascade());
  rig.confidence_of(1, kSure);
  rig.start_all();
  const auto id = rig.ask();
  EXPECT_FALSE(rig.job_of(0).has_value());
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kConfident));
  EXPECT_EQ(rig.jobs_for(id), 1u);
}

TEST(LadderCascade, AnUnsureAnswerLeadsToTheBetterRung) {
  Rig rig(cascade());
  rig.confidence_of(1, kUnsure);
  rig.start_all();
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_EQ(rig.end_of(id), nullptr);
  EXPECT_TRUE(rig.works_on(0, id));
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
  EXPECT_EQ(rig.ladder().counters().escalations, 1u);
}

TEST(LadderCascade, TheUnsureAnswerIsGivenIfTheBetterRungDies) {
  Rig rig(cascade());
  rig.confidence_of(1, kUnsure);
  rig.start_all();
  const auto id = rig.ask();
  rig.answer(1);
  rig.die(0);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kWorkerDied));
}

TEST(LadderCascade, TheUnsureAnswerIsGivenIfTheBetterRungHangs) {
  Rig rig(cascade());
  rig.confidence_of(1, kUnsure);
  rig.start_all();
  const auto id = rig.ask({.within_ns = 100 * kMillisecondNs});
  rig.answer(1);
  rig.advance(100 * kMillisecondNs);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kHung));
  EXPECT_LT(rig.end_of(id)->at_ns, rig.now_ns());
}

TEST(LadderCascade, TheUnsureAnswerIsGivenAtOnceIfThereIsNoTimeForTheBetterRung) {
  Rig rig(cascade());
  rig.confidence_of(1, kUnsure);
  rig.start_all();
  const auto id = rig.ask({.within_ns = 7 * kMillisecondNs});
  rig.advance(2 * kMillisecondNs);
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kDeadline));
}

TEST(LadderCascade, TheReflexTableComesFirst) {
  Rig rig(cascade(two_workers_and_reflex()));
  rig.confidence_of(2, kSure);
  rig.start_all();
  const auto id = rig.ask();
  EXPECT_TRUE(rig.answered_by(id, 2, AnswerReason::kConfident));
}

TEST(LadderCascade, FromAnUnsureTableUpToTheTop) {
  Rig rig(cascade(two_workers_and_reflex()));
  rig.confidence_of(2, kUnsure);
  rig.confidence_of(1, kUnsure);
  rig.start_all();
  const auto id = rig.ask();
  EXPECT_TRUE(rig.works_on(1, id));
  rig.answer(1);
  EXPECT_TRUE(rig.works_on(0, id));
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderCascade, ARungBelowTheClientsMinimumIsNotAsked) {
  Rig rig(cascade(two_workers_and_reflex()));
  rig.confidence_of(2, kSure);
  rig.start_all();
  const auto id = rig.ask({.min_rung = 0});
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderCascade, ACheapRungThatIsDownIsLeftOut) {
  Rig rig(cascade());
  rig.confidence_of(1, kSure);
  rig.start_all();
  rig.random().always(kHourNs);
  rig.die(1);
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderCascade, NothingCanAnswer) {
  Rig rig(cascade());
  rig.start_all();
  rig.random().always(kHourNs);
  rig.die(0);
  rig.die(1);
  EXPECT_TRUE(rig.refused_for(rig.ask(), RefusalReason::kNoRungAvailable));
}

TEST(LadderCascade, PowerKeepsItFromClimbing) {
  Rig rig(cascade());
  rig.confidence_of(1, kUnsure);
  rig.start_all();
  rig.limit({.best_rung = 1});
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kPower));
}

}  // namespace
}  // namespace lichen::ladder
