// SPDX-License-Identifier: Apache-2.0
// Many small worlds, each with a set of faults of its own: every invariant holds in all of them.
#include <cstdint>
#include <set>

#include <gtest/gtest.h>

#include "sim/faults.hpp"
#include "sim/world.hpp"

namespace lichen::sim {
namespace {

constexpr std::uint64_t kSeeds = 20;

TEST(Swarm, EverySeedKeepsEveryInvariant) {
  std::uint64_t answered = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Report report = run({.seed = seed, .devices = 10, .hours = 3, .faults = {}, .shape = ShapeChoice::kSwarm});
    ASSERT_FALSE(report.violation.has_value()) << to_text(report);
    answered += report.answered;
  }
  EXPECT_GT(answered, kSeeds * 10 * 3 * 360 / 4);
}

TEST(Swarm, AllFaultsTogetherKeepEveryInvariant) {
  for (std::uint64_t seed = 100; seed < 105; ++seed) {
    const Report report = run({.seed = seed, .devices = 10, .hours = 6, .faults = kAllFaults});
    ASSERT_FALSE(report.violation.has_value()) << to_text(report);
  }
}

TEST(Swarm, WithoutFaultsNothingFailsAndNothingIsRefusedButShortDeadlines) {
  const Report report = run({.seed = 1, .devices = 20, .hours = 2, .faults = kNoFaults});
  ASSERT_FALSE(report.violation.has_value()) << to_text(report);
  EXPECT_EQ(report.worker_deaths + report.worker_hangs + report.start_failures + report.breakers_opened, 0u);
  EXPECT_EQ(report.unreachable + report.cut, 0u);
  EXPECT_GT(report.answered * 100, report.requests * 99);
}

TEST(Swarm, SeedsChooseDifferentFaults) {
  std::set<std::uint32_t> chosen;
  std::uint32_t any = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const std::uint32_t faults = swarm_faults(seed);
    chosen.insert(faults);
    any |= faults;
  }
  EXPECT_GT(chosen.size(), kSeeds / 2);
  EXPECT_EQ(any, kAllFaults);
}

}  // namespace
}  // namespace lichen::sim
