// SPDX-License-Identifier: Apache-2.0
// Answers that cannot be right: they are not delivered, the worker's canary tells whether it is the worker's fault, and
// a worker that answers its canary otherwise than before is replaced.
#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

TEST(LadderWrong, AnImplausibleAnswerIsNotDelivered) {
  Rig rig(two_workers());
  rig.start_all();
  const auto id = rig.ask();
  rig.answer_with(0, "nan");
  EXPECT_TRUE(rig.works_on(1, id));
  rig.answer(1);
  EXPECT_TRUE(rig.answered_by(id, 1, AnswerReason::kImplausible));
  EXPECT_EQ(rig.status(0).counters.implausible, 1u);
}

// A client that sends nonsense must not be able to kill workers.
TEST(LadderWrong, TheInputIsToBlameWhileTheCanaryIsAnsweredAsEver) {
  Rig rig(two_workers());
  rig.start_all();
  for (int i = 0; i < 10; ++i) {
    (void)rig.ask();
    rig.answer_with(0, "nan");
    ASSERT_EQ(rig.job_of(0)->input, "c") << "its canary at once";
    rig.answer(0);
    rig.answer(1);
  }
  EXPECT_EQ(rig.happened(0, RungEvent::kWrong), 0u);
  EXPECT_EQ(rig.status(0).state, RungState::kReady);
}

TEST(LadderWrong, AWorkerThatAnswersItsCanaryOtherwiseIsReplaced) {
  Rig rig(two_workers());
  rig.start_all();
  const auto worker = rig.worker_of(0);
  (void)rig.ask();
  rig.answer_with(0, "nan");
  rig.answer_with(0, "r0:x");
  EXPECT_TRUE(rig.killed(worker));
  rig.gone(worker, ports::WorkerEnd::kKilled);
  EXPECT_EQ(rig.happened(0, RungEvent::kWrong), 1u);
  EXPECT_EQ(rig.status(0).counters.wrong, 1u);
}

TEST(LadderWrong, TheCanaryIsCheckedUnderLoadToo) {
  LadderConfig config = two_workers();
  Rig rig(config);
  rig.start_all();
  std::size_t canaries = rig.status(0).counters.canaries;
  for (int i = 0; i < 130; ++i) {  // a request a second: never idle for half a health period
    rig.advance(kSecondNs);
    (void)rig.ask();
    rig.answer(0);
    if (rig.job_of(0)) rig.answer(0);
    if (rig.job_of(1)) rig.answer(1);
  }
  EXPECT_EQ(rig.status(0).counters.canaries - canaries, 2u);
}

TEST(LadderWrong, SilentCorruptionIsFoundByTheCheckUnderLoad) {
  Rig rig(two_workers());
  rig.start_all();
  const auto worker = rig.worker_of(0);
  rig.advance(kMinuteNs - 10 * kSecondNs);
  for (int i = 0; i < 20 && !rig.killed(worker); ++i) {
    while (rig.job_of(0)) rig.answer_with(0, "r0:corrupt");
    if (rig.job_of(1)) rig.answer(1);
    rig.advance(kSecondNs);
    (void)rig.ask();
  }
  EXPECT_TRUE(rig.killed(worker));
}

// The first worker may have been the wrong one, or the file was replaced: two later ones that say the same are believed.
TEST(LadderWrong, TwoFreshWorkersThatAgreeAreBelieved) {
  Rig rig(two_workers());
  rig.start_all();
  rig.die(0);
  rig.advance(kSecondNs);
  rig.become_ready(0);
  rig.answer_with(0, "r0:new");
  EXPECT_EQ(rig.status(0).state, RungState::kDying);
  rig.gone(rig.worker_of(0), ports::WorkerEnd::kKilled);
  rig.advance(kSecondNs);
  rig.become_ready(0);
  rig.answer_with(0, "r0:new");
  EXPECT_EQ(rig.status(0).state, RungState::kReady);
  EXPECT_EQ(rig.happened(0, RungEvent::kWrong), 1u);
}

TEST(LadderWrong, AModelThatAnswersDifferentlyEachTimeIsNotComparedForEver) {
  Rig rig(two_workers());
  rig.start_all();
  for (int i = 0; i < 5; ++i) {
    rig.die(0);
    while (rig.worker_of(0) == 0) rig.advance(kSecondNs);
    rig.become_ready(0);
    if (rig.job_of(0)) rig.answer_with(0, "r0:" + std::to_string(i));
    if (rig.status(0).state == RungState::kDying) rig.gone(rig.worker_of(0), ports::WorkerEnd::kKilled);
  }
  EXPECT_EQ(rig.happened(0, RungEvent::kWrong), 1u);
}

// A model with a state answers the same question differently each time. That must not cost it a worker every minute.
TEST(LadderWrong, AModelWithAStateIsNotComparedForEver) {
  Rig rig(two_workers());
  rig.start_all();
  for (int i = 0; i < 400; ++i) {
    rig.advance(kSecondNs);
    if (rig.status(0).state == RungState::kDying) rig.gone(rig.worker_of(0), ports::WorkerEnd::kKilled);
    if (rig.job_of(1)) rig.answer(1);
    if (rig.status(0).state == RungState::kStarting) {
      rig.become_ready(0);
      if (rig.job_of(0)) rig.answer(0);  // its first answer is the same each time
    } else if (rig.job_of(0)) {
      rig.answer_with(0, "r0:" + std::to_string(i));
    }
  }
  EXPECT_EQ(rig.happened(0, RungEvent::kWrong), 2u);
  EXPECT_EQ(rig.status(0).state, RungState::kReady);
}

TEST(LadderWrong, DamageIsFoundEachTime) {
  Rig rig(two_workers());
  rig.start_all();
  for (std::size_t time = 1; time <= 5; ++time) {
    rig.advance_answering(kHourNs);
    rig.advance(kMinuteNs / 4);
    while (!rig.job_of(0)) rig.advance(kSecondNs);
    rig.answer_with(0, "r0:damaged " + std::to_string(time));
    EXPECT_EQ(rig.happened(0, RungEvent::kWrong) + (rig.status(0).state == RungState::kDying ? 1u : 0u), time);
    rig.gone(rig.worker_of(0), ports::WorkerEnd::kKilled);
    while (rig.worker_of(0) == 0) rig.advance(kSecondNs);
    rig.become_ready(0);
    if (rig.job_of(0)) rig.answer(0);
  }
}

TEST(LadderWrong, WithoutAPeriodCanariesAreNotCompared) {
  LadderConfig config = two_workers();
  config.check_period_ns = 0;
  Rig rig(config);
  rig.start_all();
  rig.advance(config.health_period_ns / 2);
  rig.answer_with(0, "r0:other");
  EXPECT_EQ(rig.status(0).state, RungState::kReady);
}

// A model may answer zeros with "not a number" and be well.
TEST(LadderWrong, AModelWhoseCanaryIsImplausibleFromTheStartServes) {
  Rig rig(two_workers());
  rig.start();
  rig.become_ready(0);
  rig.answer_with(0, "nan");
  const auto id = rig.ask();
  rig.answer(0);
  EXPECT_TRUE(rig.answered_by(id, 0, AnswerReason::kBest));
}

TEST(LadderWrong, AWorkerThatGivesNothingPlausibleAtAllIsReplaced) {
  Rig rig(two_workers());
  rig.start();
  rig.become_ready(0);
  rig.bring_up(1);
  rig.answer_with(0, "nan");
  for (int i = 0; i < 3; ++i) {
    (void)rig.ask();
    rig.answer_with(0, "nan");
    rig.answer(1);
    rig.answer_with(0, "nan");  // its canary
  }
  EXPECT_EQ(rig.status(0).state, RungState::kDying);
}

}  // namespace
}  // namespace lichen::ladder
