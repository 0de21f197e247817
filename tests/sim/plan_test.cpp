// SPDX-License-Identifier: Apache-2.0
// Plans: shapes that differ from seed to seed, strikes that do not move when others are left out, and world files.
#include "sim/plan.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "sim/world.hpp"

namespace lichen::sim {
namespace {

Options swarm(std::uint64_t seed) {
  return {.seed = seed, .devices = 4, .hours = 3, .faults = {}, .shape = ShapeChoice::kSwarm};
}

TEST(Shapes, EveryNumberIsWithinItsBoundsAndTakesManyValues) {
  for (const ShapeField& field : shape_fields()) {
    std::set<std::int64_t> values;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const std::int64_t value = swarm_shape(seed).*field.value;
      EXPECT_TRUE(value == field.plain || (value >= field.low && value <= field.high)) << field.name << " " << value;
      values.insert(value);
    }
    EXPECT_GE(values.size(), 2u) << field.name;
  }
}

TEST(Shapes, EveryLadderOfEverySwarmIsAllowed) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Report report =
        run(plan_of({.seed = seed, .devices = 2, .hours = 1, .faults = kNoFaults, .shape = ShapeChoice::kSwarm}));
    ASSERT_FALSE(report.violation.has_value()) << to_text(report);
  }
}

TEST(Shapes, ThePlainOneSaysSo) {
  EXPECT_EQ(to_text(plain_shape()), "plain");
  EXPECT_NE(to_text(swarm_shape(3)), "plain");
}

TEST(Strikes, ComeInTheOrderOfTheirTimesAndBeforeTheFaultsEnd) {
  const Plan plan = plan_of(swarm(5));
  StrikeSource source(plan, 0);
  TimeNs last_ns = 0;
  std::size_t count = 0;
  while (const auto strike = source.next()) {
    EXPECT_GE(strike->at_ns, last_ns);
    EXPECT_LT(strike->at_ns, plan.faults_until_ns);
    EXPECT_EQ(strike->lasts_ns > 0, fault_row(strike->kind).lasts);
    last_ns = strike->at_ns;
    ++count;
  }
  EXPECT_GT(count, 0u);
}

TEST(Strikes, AreTheSameWhicheverOthersThereAre) {
  Options options = swarm(5);
  options.faults = kAllFaults;
  const auto all = all_strikes(plan_of(options));
  options.faults = kWorkerDeath | kDiskFaults;
  options.devices = 2;
  const auto some = all_strikes(plan_of(options));
  EXPECT_GT(some.size(), 0u);
  EXPECT_LT(some.size(), all.size());
  for (const Strike& s : some) EXPECT_TRUE(std::ranges::find(all, s) != all.end());
}

TEST(Strikes, ListedOneByOneTheyMakeTheSameRun) {
  Plan plan = plan_of(swarm(6));
  const Report drawn = run(plan);
  plan.strikes = all_strikes(plan);
  EXPECT_EQ(run(plan).trace_hash, drawn.trace_hash);
  ASSERT_FALSE(plan.strikes->empty());
  plan.strikes->pop_back();
  EXPECT_NE(run(plan).trace_hash, drawn.trace_hash);
}

TEST(WorldFile, ComesBackAsItWas) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Plan plan = plan_of(swarm(seed));
    EXPECT_EQ(plan_from_json(to_json(plan), "w").value(), plan);
    plan.strikes = all_strikes(plan);
    plan.requests_from_ns = 17;
    plan.liveness = false;
    EXPECT_EQ(plan_from_json(to_json(plan), "w").value(), plan);
  }
}

TEST(WorldFile, WhatIsMissingOrOutOfRangeIsNamed) {
  Plan plan = plan_of(swarm(1));
  plan.strikes = all_strikes(plan);
  const Json good = to_json(plan);
  for (const char* key : {"schema", "seed", "devices", "end_ns", "faults", "faults_until_ns"}) {
    Json bad = good;
    bad.erase(key);
    const auto read = plan_from_json(bad, "w");
    ASSERT_FALSE(read.has_value()) << key;
    EXPECT_EQ(read.error().code, Code::kBadInput);
    EXPECT_NE(read.error().why.find(key), std::string::npos) << read.error().why;
  }
  Json bad = good;
  bad["shape"]["queue_max"] = 1'000'000'000;
  EXPECT_FALSE(plan_from_json(bad, "w").has_value());
  bad = good;
  bad["strikes"][0]["fault"] = "gremlins";
  EXPECT_FALSE(plan_from_json(bad, "w").has_value());
  bad = good;
  bad["strikes"][0]["severity_ppm"] = -1;
  EXPECT_FALSE(plan_from_json(bad, "w").has_value());
}

// A core is healed, the rest stays broken, and still what the core can answer is answered.
TEST(Liveness, HoldsWhereOnlyACoreIsHealed) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Plan plan = plan_of({.seed = seed, .devices = 6, .hours = 2, .faults = kAllFaults});
    plan.shape.core_ppm = kWholePpm;
    plan.shape.lost_ppm = 0;
    const Report report = run(plan);
    ASSERT_FALSE(report.violation.has_value()) << to_text(report);
  }
}

}  // namespace
}  // namespace lichen::sim
