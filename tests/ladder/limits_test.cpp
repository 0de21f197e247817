// SPDX-License-Identifier: Apache-2.0
// What may be used now: rungs that power allows, cloud rungs while the link is up and their budget lasts.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

LadderConfig with_cloud() {
  LadderConfig config = two_workers();
  config.rungs.insert(config.rungs.begin(), cloud_rung(30 * kMillisecondNs));
  return config;
}

TEST(LadderLimits, APowerLimitStepsDownAndUnloadsWhatIsTooMuch) {
  Rig rig(two_workers());
  rig.start_all();
  const auto worker = rig.worker_of(0);
  rig.limit({.best_rung = 1});
  EXPECT_TRUE(rig.killed(worker));
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kPower));
  rig.gone(worker, ports::WorkerEnd::kKilled);
  EXPECT_EQ(rig.status(0).state, RungState::kUnloaded);
  EXPECT_EQ(rig.status(0).counters.deaths, 0u);
}

TEST(LadderLimits, WhenThePowerIsBackTheBestRungComesBackWithoutProbation) {
  Rig rig(two_workers());
  rig.start_all();
  const auto worker = rig.worker_of(0);
  rig.limit({.best_rung = 1});
  rig.gone(worker, ports::WorkerEnd::kKilled);
  rig.limit({});
  rig.bring_up(0);
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderLimits, AClientWhoWantsABetterRungThanPowerAllowsIsToldSo) {
  Rig rig(two_workers());
  rig.start_all();
  rig.limit({.best_rung = 1});
  EXPECT_TRUE(rig.refused_for(rig.ask({.min_rung = 0}), RefusalReason::kMinRungUnavailable));
}

TEST(LadderLimits, ARunningJobIsNotCutOffByALimit) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask();
  rig.limit({.best_rung = 1});
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderCloud, ItAnswersLikeAnyRung) {
  Rig rig(with_cloud());
  rig.start_all();
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderCloud, ItTakesNoPlaceOfALoadedWorker) {
  Rig rig(with_cloud());
  rig.start();
  EXPECT_NE(rig.worker_of(0), 0u);
  EXPECT_NE(rig.worker_of(1), 0u);
  EXPECT_NE(rig.worker_of(2), 0u);
}

TEST(LadderCloud, WithoutALinkTheDeviceAnswersItself) {
  Rig rig(with_cloud());
  rig.start_all();
  const auto worker = rig.worker_of(0);
  rig.limit({.link_up = false});
  EXPECT_TRUE(rig.killed(worker)) << "cut off, without blame";
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kOffline));
  rig.gone(worker, ports::WorkerEnd::kKilled);
  EXPECT_EQ(rig.status(0).counters.deaths, 0u);
  rig.advance_answering(kMinuteNs);
  EXPECT_EQ(rig.worker_of(0), 0u) << "and not tried while the link is down";
  rig.limit({});
  EXPECT_NE(rig.worker_of(0), 0u);
}

TEST(LadderCloud, ARequestInTheCloudIsRescuedBeforeItsDeadline) {
  Rig rig(with_cloud());
  rig.start_all();
  const auto id = rig.ask({.within_ns = 100 * kMillisecondNs});
  rig.advance(90 * kMillisecondNs);
  EXPECT_TRUE(rig.works_on(1, id));
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kHung));
}

TEST(LadderCloud, ABudgetThatIsSpentMeansTheDeviceAnswersItself) {
  LadderConfig config = with_cloud();
  config.rungs[0].jobs_per_day_max = 24;
  config.rungs[0].jobs_burst_max = 3;
  Rig rig(config);
  rig.start_all();  // the canary is one job
  for (int i = 0; i < 2; ++i) {
    const auto id = rig.ask();
    rig.answer(0);
    EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
  }
  const auto id = rig.ask();
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kBudget));
}

TEST(LadderCloud, ABudgetComesBackWithTime) {
  LadderConfig config = with_cloud();
  config.rungs[0].jobs_per_day_max = 24;
  config.rungs[0].jobs_burst_max = 1;
  config.rungs[0].health_period_ns = 24 * kHourNs;
  Rig rig(config);
  rig.start_all();
  rig.advance_answering(kHourNs + kMinuteNs);
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderCloud, ItsCanariesKeepWithinTheBudget) {
  LadderConfig config = with_cloud();
  config.rungs[0].jobs_per_day_max = 24;
  config.rungs[0].jobs_burst_max = 1;
  Rig rig(config);
  rig.start_all();
  rig.advance_answering(10 * kHourNs);
  EXPECT_LE(rig.status(0).counters.canaries, 12u);
  EXPECT_GE(rig.status(0).counters.canaries, 10u);
}

TEST(LadderCloud, ItsAnswersAreNotComparedByteForByte) {
  LadderConfig config = with_cloud();
  Rig rig(config);
  rig.start_all();
  rig.advance(config.health_period_ns / 2);
  ASSERT_TRUE(rig.job_of(0).has_value());
  rig.answer_with(0, "r0:another version");
  EXPECT_EQ(rig.status(0).state, RungState::kReady);
}

}  // namespace
}  // namespace lichen::ladder
