// SPDX-License-Identifier: Apache-2.0
#include "device/device.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::device {
namespace {

using Phase = store::StateFile::Phase;

TEST(Device, TheFirstBootIsNumberOneAndDurable) {
  TestDevice d;
  d.start();
  EXPECT_EQ(d.device().state().boot_id, 0u);  // not known yet
  d.advance(kSecondNs);
  EXPECT_EQ(d.device().state().phase, Phase::kReady);
  EXPECT_EQ(d.device().state().boot_id, 1u);
  EXPECT_TRUE(d.device().state().boot_id_durable);
}

TEST(Device, TheBootIdCountsUpOverRestarts) {
  TestDevice d;
  d.start();
  for (std::uint64_t boot = 1; boot <= 10; ++boot) {
    d.advance(kSecondNs);
    EXPECT_EQ(d.device().state().boot_id, boot);
    d.restart();
  }
}

TEST(Device, ABootIdIsNotCalledDurableBeforeItIs) {
  TestDevice d;
  d.start();
  d.advance(2 * kMillisecondNs);  // read, not yet written
  EXPECT_EQ(d.device().state().boot_id, 1u);
  EXPECT_FALSE(d.device().state().boot_id_durable);
}

TEST(Device, RequestsAreAnsweredByTheModelTheyName) {
  TestDevice d(2);
  d.start();
  d.advance(kSecondNs);
  const auto id = d.ask(kSecondNs, 1);
  d.advance(kSecondNs);
  EXPECT_TRUE(d.answered(id));
  EXPECT_EQ(d.device().ladder_of(0).counters().admitted, 0u);
  EXPECT_EQ(d.device().ladder_of(1).counters().admitted, 1u);
}

TEST(Device, ItIsReadyWhenEveryModelIs) {
  TestDevice d(2);
  d.start();
  EXPECT_FALSE(d.device().ready(d.now_ns()));
  d.advance(kSecondNs);
  EXPECT_TRUE(d.device().model_ready(d.now_ns(), 0));
  EXPECT_TRUE(d.device().ready(d.now_ns()));
}

TEST(Device, ItAnswersAlthoughItsDiskNeverCompletesAnything) {
  TestDevice d;
  d.disk_never_completes();
  d.start();
  d.advance(50 * kMillisecondNs - 1);
  EXPECT_EQ(d.workers().alive(), 0u);  // still waiting for the state
  d.advance(1);
  EXPECT_EQ(d.workers().alive(), 2u);
  d.advance(kSecondNs);
  EXPECT_TRUE(d.device().ready(d.now_ns()));
  const auto id = d.ask();
  d.advance(kSecondNs);
  EXPECT_TRUE(d.answered(id));
  EXPECT_EQ(d.device().state().boot_id, 0u);
  EXPECT_FALSE(d.device().state().boot_id_durable);
}

TEST(Device, ARequestDoesNotWaitForTheDisk) {
  TestDevice d;
  d.disk_never_completes();
  d.start();
  const auto id = d.ask();
  EXPECT_EQ(d.workers().alive(), 2u);
  d.advance(kSecondNs);
  EXPECT_TRUE(d.answered(id));
}

TEST(Device, ItAnswersAlthoughEveryDiskOperationFailsAndSaysSo) {
  TestDevice d;
  d.disk_fails(true);
  d.start();
  d.advance(kSecondNs);
  EXPECT_EQ(d.device().state().phase, Phase::kBroken);
  ASSERT_TRUE(d.device().state().fault.has_value());
  EXPECT_EQ(d.device().state().fault->code, Code::kIo);
  const auto id = d.ask();
  d.advance(kSecondNs);
  EXPECT_TRUE(d.answered(id));
}

TEST(Device, AStateThatCouldNotBeReadIsReadAgainAfterAWhile) {
  TestDevice d;
  d.disk_fails(true);
  d.start();
  d.advance(kSecondNs);
  d.disk_fails(false);
  d.advance(31 * kSecondNs);
  EXPECT_EQ(d.device().state().phase, Phase::kReady);
  EXPECT_EQ(d.device().state().boot_id, 1u);
  EXPECT_TRUE(d.device().state().boot_id_durable);
  EXPECT_FALSE(d.device().state().fault.has_value());
}

TEST(Device, ABreakerThatWasOpenIsHalfOpenAfterTheRestart) {
  TestDevice d;
  d.workers().set_trouble({.start_fails_ppm = kWholePpm});
  d.start();
  d.advance(2 * kSecondNs);
  ASSERT_EQ(d.rung(0).breaker, ladder::BreakerState::kOpen);
  d.workers().set_trouble({});
  d.restart();
  d.advance(20 * kMillisecondNs);
  EXPECT_EQ(d.rung(0).breaker, ladder::BreakerState::kHalfOpen);
  EXPECT_EQ(d.device().ladder_of(0).times_opened(0), 1u);
}

TEST(Device, ABreakerThatClosedAgainIsRememberedAsClosed) {
  TestDevice d;
  d.workers().set_trouble({.start_fails_ppm = kWholePpm});
  d.start();
  d.advance(2 * kSecondNs);
  d.workers().set_trouble({});
  d.advance(kMinuteNs);
  ASSERT_EQ(d.rung(0).breaker, ladder::BreakerState::kClosed);
  d.restart();
  d.advance(20 * kMillisecondNs);
  EXPECT_EQ(d.rung(0).breaker, ladder::BreakerState::kClosed);
}

TEST(Device, StopRefusesWhatIsOpenAndKillsTheWorkers) {
  TestDevice d;
  d.start();
  d.advance(kSecondNs);
  const auto id = d.ask();
  d.stop();
  EXPECT_TRUE(d.refused(id));
  EXPECT_EQ(d.device().next_wake_ns(), kNeverNs);
  d.advance(kSecondNs);
  EXPECT_EQ(d.workers().alive(), 0u);
}

TEST(Device, AnUnloadedModelRefusesAndTheOthersDoNotNotice) {
  TestDevice d(2);
  d.start();
  d.advance(kSecondNs);
  const auto open = d.ask(kSecondNs, 0);
  d.unload(0);
  EXPECT_TRUE(d.refused(open));
  EXPECT_TRUE(d.refused(d.ask(kSecondNs, 0)));
  EXPECT_FALSE(d.device().loaded(0));
  EXPECT_FALSE(d.device().model_ready(d.now_ns(), 0));
  EXPECT_TRUE(d.device().ready(d.now_ns())) << "it is not meant to be ready";
  const auto other = d.ask(kSecondNs, 1);
  d.advance(kSecondNs);
  EXPECT_TRUE(d.answered(other));
  EXPECT_EQ(d.workers().alive(), 2u) << "those of the other model";
}

TEST(Device, ALoadedModelAnswersAgain) {
  TestDevice d(2);
  d.start();
  d.advance(kSecondNs);
  for (int i = 0; i < 10; ++i) {
    d.unload(0);
    if (i % 2 == 0) d.advance(kSecondNs);
    d.load(0);
    d.advance(kSecondNs);
    EXPECT_TRUE(d.device().model_ready(d.now_ns(), 0));
    EXPECT_EQ(d.rung(0).counters.deaths, 0u);
    const auto id = d.ask(kSecondNs, 0);
    d.advance(kSecondNs);
    EXPECT_TRUE(d.answered(id));
  }
  EXPECT_EQ(d.workers().alive(), 4u);
}

TEST(Device, LoadingAModelThatRunsStartsItAnew) {
  TestDevice d;
  d.start();
  d.advance(kSecondNs);
  const auto starts = d.rung(0).counters.starts;
  d.load(0);
  EXPECT_FALSE(d.device().model_ready(d.now_ns(), 0));
  d.advance(kSecondNs);
  EXPECT_EQ(d.rung(0).counters.starts, starts + 1);
  EXPECT_TRUE(d.device().model_ready(d.now_ns(), 0));
}

TEST(Device, AModelUnloadedBeforeTheStateWasReadStaysSo) {
  TestDevice d;
  d.start();
  d.unload(0);
  d.advance(kSecondNs);
  EXPECT_EQ(d.workers().alive(), 0u);
  d.load(0);
  d.advance(kSecondNs);
  EXPECT_TRUE(d.device().model_ready(d.now_ns(), 0));
}

TEST(Device, AStoppedDeviceLoadsNothing) {
  TestDevice d;
  d.start();
  d.advance(kSecondNs);
  d.stop();
  d.load(0);
  d.advance(kSecondNs);
  EXPECT_EQ(d.workers().alive(), 0u);
}

TEST(Device, StoppedBeforeItsStateWasReadItStartsNothing) {
  TestDevice d;
  d.start();
  d.stop();
  d.advance(kSecondNs);
  EXPECT_EQ(d.workers().alive(), 0u);
}

}  // namespace
}  // namespace lichen::device
