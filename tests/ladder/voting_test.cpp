// SPDX-License-Identifier: Apache-2.0
// Rungs that vote: a majority answers, nothing less does, and who was outvoted is looked at.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

TEST(LadderVoting, AllVotersAreAskedAtOnce) {
  Rig rig(three_voters());
  rig.start_all();
  const auto id = rig.ask();
  EXPECT_TRUE(rig.works_on(0, id));
  EXPECT_TRUE(rig.works_on(1, id));
  EXPECT_TRUE(rig.works_on(2, id));
}

TEST(LadderVoting, TwoThatAgreeDecideBeforeTheThirdHasAnswered) {
  Rig rig(three_voters());
  rig.start_all();
  const auto id = rig.ask();
  rig.answer(2);
  EXPECT_EQ(rig.end_of(id), nullptr);
  rig.answer(1);
  ASSERT_NE(rig.end_of(id), nullptr);
  EXPECT_EQ(rig.end_of(id)->rung, 1u) << "the best rung of the majority";
  EXPECT_EQ(rig.end_of(id)->votes, 2u);
  EXPECT_EQ(rig.end_of(id)->ballots, 2u);
}

TEST(LadderVoting, TheBestRungIsOutvotedByTwoThatAgree) {
  Rig rig(three_voters());
  rig.start_all();
  const auto id = rig.ask();
  rig.answer_with(0, "r0:no");
  rig.answer(2);
  EXPECT_EQ(rig.end_of(id), nullptr);
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kOutvoted));
  EXPECT_EQ(rig.end_of(id)->votes, 2u);
  EXPECT_EQ(rig.end_of(id)->ballots, 3u);
  EXPECT_EQ(rig.status(0).counters.outvoted, 1u);
  rig.advance(0);
  ASSERT_TRUE(rig.job_of(0).has_value()) << "the outvoted rung is asked its canary";
  EXPECT_EQ(rig.job_of(0)->input, "c");
}

TEST(LadderVoting, AVoterThatComesLateIsStillCompared) {
  Rig rig(three_voters());
  rig.start_all();
  (void)rig.ask();
  rig.answer(2);
  rig.answer(1);
  rig.answer_with(0, "r0:no");
  EXPECT_EQ(rig.status(0).counters.outvoted, 1u);
  EXPECT_EQ(rig.status(0).counters.stale, 1u);
}

TEST(LadderVoting, ThreeDifferentAnswersAreNoAnswer) {
  Rig rig(three_voters());
  rig.start_all();
  const auto id = rig.ask();
  rig.answer_with(0, "r0:a");
  rig.answer_with(1, "r1:b");
  EXPECT_EQ(rig.end_of(id), nullptr);
  rig.answer_with(2, "r2:c");
  EXPECT_TRUE(rig.refused_for(id, RefusalReason::kNoMajority));
}

TEST(LadderVoting, OneWithoutAMajorityIsNotAnAnswerAtTheDeadline) {
  Rig rig(three_voters());
  rig.start_all();
  const auto id = rig.ask({.within_ns = 100 * kMillisecondNs});
  rig.answer(1);
  rig.advance(100 * kMillisecondNs);
  EXPECT_TRUE(rig.refused_for(id, RefusalReason::kDeadlineExceeded));
}

TEST(LadderVoting, TwoThatDifferAtTheDeadlineHaveNoMajority) {
  Rig rig(three_voters());
  rig.start_all();
  const auto id = rig.ask({.within_ns = 100 * kMillisecondNs});
  rig.answer(1);
  rig.answer_with(2, "r2:no");
  rig.advance(100 * kMillisecondNs);
  EXPECT_TRUE(rig.refused_for(id, RefusalReason::kNoMajority));
}

TEST(LadderVoting, TwoOfThreeVotersAreEnoughIfTheyAgree) {
  Rig rig(three_voters());
  rig.start_all();
  rig.random().always(kHourNs);
  rig.die(0);
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_EQ(rig.end_of(id), nullptr);
  rig.answer(2);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kBroken));
}

TEST(LadderVoting, AVoterThatDiesIsReplacedByTheNextRung) {
  LadderConfig config = three_voters();
  config.vote_rungs = 2;
  config.workers_loaded_max = 3;
  Rig rig(config);
  rig.start_all();
  const auto id = rig.ask();
  EXPECT_FALSE(rig.job_of(2).has_value());
  rig.die(0);
  EXPECT_TRUE(rig.works_on(2, id));
  rig.answer(1);
  rig.answer(2);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kWorkerDied));
}

TEST(LadderVoting, OneRungAloneIsNoMajority) {
  Rig rig(three_voters());
  rig.start_all();
  rig.random().always(kHourNs);
  rig.die(0);
  rig.die(1);
  const auto id = rig.ask();
  EXPECT_TRUE(rig.refused_for(id, RefusalReason::kNoRungAvailable));
}

TEST(LadderVoting, TheReflexTableVotesToo) {
  LadderConfig config = two_workers_and_reflex();
  config.strategy = Strategy::kVote;
  Rig rig(config);
  rig.start_all();
  const auto id = rig.ask();
  rig.answer_with(0, "r0:no");
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kOutvoted));
}

TEST(LadderVoting, BusyVotersAreWaitedFor) {
  Rig rig(three_voters());
  rig.start_all();
  const auto first = rig.ask();
  const auto second = rig.ask();
  for (std::uint32_t rung = 0; rung < 3; ++rung) rig.answer(rung);
  EXPECT_NE(rig.end_of(first), nullptr);
  EXPECT_TRUE(rig.works_on(0, second));
  rig.answer(0);
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(second, 0, AnswerReason::kBest));
}

TEST(LadderVoting, VotersThatStartForTheFirstTimeAreWaitedFor) {
  Rig rig(three_voters());
  rig.start();
  const auto id = rig.ask({.within_ns = 10 * kSecondNs});
  rig.become_ready(0);
  rig.become_ready(1);
  rig.answer(0);
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderVoting, MoreVotersThanRungsAreRefusedByTheCheck) {
  LadderConfig config = three_voters();
  config.vote_rungs = 4;
  ASSERT_FALSE(check(config, "here").has_value());
  EXPECT_EQ(check(config, "here").error().where, "here, vote_rungs");
}

}  // namespace
}  // namespace lichen::ladder
