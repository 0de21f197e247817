// SPDX-License-Identifier: Apache-2.0
// Logs of the running hash: they come back as they were, and two of them name the event where runs part.
#include <gtest/gtest.h>

#include "sim/hash_log.hpp"
#include "sim/world.hpp"

namespace lichen::sim {
namespace {

HashLog log_of(const Plan& plan, std::uint64_t every = 1) {
  HashLog log{.every = every, .entries = {}};
  [[maybe_unused]] const Report report = run(plan, {.progress = {}, .timeline = nullptr, .log = &log});
  return log;
}

Plan world() {
  return plan_of({.seed = 2, .devices = 2, .hours = 1, .faults = kAllFaults});
}

TEST(HashLog, ComesBackAsItWas) {
  const HashLog log = log_of(world(), 7);
  const HashLog read = hash_log_from(to_text(log), "log").value();
  EXPECT_EQ(read.every, 7u);
  EXPECT_EQ(read.entries, log.entries);
}

TEST(HashLog, RubbishIsRefusedWithItsLine) {
  for (const char* text : {"", "rubbish", "# lichen.sim.log.v1 every 0\n", "# lichen.sim.log.v1 every 1\n1 2 3\n",
                           "# lichen.sim.log.v1 every 1\n1 2 3 4 5 zz\n"}) {
    EXPECT_FALSE(hash_log_from(text, "log").has_value()) << text;
  }
  EXPECT_NE(hash_log_from("# lichen.sim.log.v1 every 1\n1 2 3\n", "log").error().where.find("line 2"),
            std::string::npos);
}

TEST(HashLog, EqualRunsDoNotPart) {
  EXPECT_EQ(compare(log_of(world()), log_of(world())).value(), std::nullopt);
}

// One strike is left out: up to it the runs are the same.
TEST(HashLog, TheFirstDifferentEventIsNamed) {
  Plan plan = world();
  const HashLog with = log_of(plan);
  plan.strikes = all_strikes(plan);
  const TimeNs left_out_ns = plan.strikes->back().at_ns;
  plan.strikes->pop_back();
  const HashLog without = log_of(plan);
  const auto parted = compare(with, without).value();
  ASSERT_TRUE(parted.has_value());
  EXPECT_EQ(parted->last_equal + 1, parted->event);
  EXPECT_EQ(parted->left->time_ns, left_out_ns);
  EXPECT_NE(to_text(*parted).find("strike"), std::string::npos);
}

TEST(HashLog, CoarseLogsGiveTheSpan) {
  Plan plan = world();
  const HashLog with = log_of(plan, 100);
  const HashLog fine = log_of(plan);
  plan.strikes = all_strikes(plan);
  plan.strikes->pop_back();
  const auto exact = compare(fine, log_of(plan)).value();
  const auto coarse = compare(with, log_of(plan, 100)).value();
  ASSERT_TRUE(exact && coarse);
  EXPECT_LT(coarse->last_equal, exact->event);
  EXPECT_GE(coarse->event, exact->event);
  EXPECT_FALSE(compare(with, fine).has_value());
}

}  // namespace
}  // namespace lichen::sim
