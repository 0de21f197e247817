// SPDX-License-Identifier: Apache-2.0
// The kinds of fault: their names, and that each alone really strikes and is survived.
#include "sim/faults.hpp"

#include <string>

#include <gtest/gtest.h>

#include "sim/world.hpp"

namespace lichen::sim {
namespace {

Report run_with(std::uint32_t faults) {
  Report report = run({.seed = 1, .devices = 10, .hours = 6, .faults = faults});
  EXPECT_FALSE(report.violation.has_value()) << to_text(report);
  return report;
}

std::uint64_t answered_for(const Report& report, ports::AnswerReason reason) {
  return report.by_reason[static_cast<std::size_t>(reason)];
}

TEST(Faults, EverySingleNameComesBackAsItWas) {
  for (std::uint32_t bit = 1; bit < kAllFaults; bit <<= 1) {
    const auto parsed = parse_faults(faults_to_text(bit));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(*parsed, bit);
  }
}

TEST(Faults, EverySetOfNamesComesBackAsItWas) {
  for (std::uint32_t faults = 1; faults <= kAllFaults; ++faults) {
    const auto parsed = parse_faults(faults_to_text(faults));
    ASSERT_TRUE(parsed.has_value());
    ASSERT_EQ(*parsed, faults);
  }
}

TEST(Faults, AllNoneAndSwarmAreWordsForSets) {
  EXPECT_EQ(parse_faults("all").value(), kAllFaults);
  EXPECT_EQ(parse_faults("none").value(), kNoFaults);
  EXPECT_EQ(parse_faults("swarm").value(), std::nullopt);
  EXPECT_EQ(faults_to_text(kNoFaults), "none");
}

TEST(Faults, AnUnknownNameIsRefusedWithTheKnownOnes) {
  for (const char* text : {"fire", "worker-death,fire", "worker-death,,disk", "ALL", "worker_death", " disk"}) {
    const auto parsed = parse_faults(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, Code::kBadInput);
    EXPECT_NE(parsed.error().hint.find("worker-death,worker-hang,slow"), std::string::npos);
  }
}

TEST(Faults, WithoutThemNothingStrikes) {
  const Report report = run_with(kNoFaults);
  EXPECT_EQ(report.worker_deaths + report.worker_hangs + report.start_failures + report.agent_restarts, 0u);
  EXPECT_EQ(report.power_cuts + report.disk_faults + report.hedges, 0u);
}

TEST(Faults, WorkersDie) {
  const Report report = run_with(kWorkerDeath);
  EXPECT_GT(report.worker_deaths, 0u);
  EXPECT_EQ(report.worker_hangs, 0u);
}

TEST(Faults, WorkersHang) {
  const Report report = run_with(kWorkerHang);
  EXPECT_GT(report.worker_hangs, 0u);
  EXPECT_EQ(report.worker_deaths, 0u);
}

TEST(Faults, AnswersAreSlow) {
  const Report report = run_with(kSlowAnswers);
  EXPECT_GT(report.hedges + report.rescues, 0u);
  EXPECT_GT(answered_for(report, ports::AnswerReason::kSlow), 0u);
}

TEST(Faults, StartsFailAndBreakersOpenAndClose) {
  const Report report = run_with(kStartFailures);
  EXPECT_GT(report.start_failures, 0u);
  EXPECT_GT(report.breakers_opened, 0u);
  EXPECT_GT(report.breakers_closed, 0u);
}

TEST(Faults, DiskOperationsFail) {
  const Report report = run_with(kDiskFaults);
  EXPECT_GT(report.disk_faults, 10u);
  EXPECT_EQ(report.power_cuts, 0u);
}

// What changes is only what was asked of the dice; nothing that a request sees.
TEST(Faults, TheWallClockJumpsAndNothingIsDisturbed) {
  const Report report = run_with(kClockJumps);
  const Report calm = run_with(kNoFaults);
  EXPECT_NE(report.trace_hash, calm.trace_hash);
  EXPECT_EQ(report.requests, calm.requests);
  EXPECT_EQ(report.answered, calm.answered);
  EXPECT_EQ(report.by_reason, calm.by_reason);
}

TEST(Faults, TheAgentIsKilled) {
  const Report report = run_with(kAgentRestarts);
  EXPECT_GT(report.agent_restarts, 0u);
  EXPECT_GT(report.unreachable + report.cut, 0u);
}

TEST(Faults, ThePowerIsCut) {
  const Report report = run_with(kPowerCuts);
  EXPECT_GT(report.power_cuts, 0u);
  EXPECT_GT(report.unreachable, 0u);
}

TEST(Faults, BurstsFillTheQueues) {
  const Report report = run_with(kBursts);
  EXPECT_GT(report.requests, run_with(kNoFaults).requests);
  EXPECT_GT(report.refused[static_cast<std::size_t>(ports::RefusalReason::kOverloaded)], 0u);
}

TEST(Faults, ModelsRefuseInputs) {
  const Report report = run_with(kBadInputs);
  EXPECT_GT(answered_for(report, ports::AnswerReason::kWorkerFailed), 0u);
}

}  // namespace
}  // namespace lichen::sim
