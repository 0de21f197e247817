// SPDX-License-Identifier: Apache-2.0
// The planted bugs that are found soonest: a simulation that finds none of them would be blind. Those of kRare need
// more seeds than a test should run: `./soak --planted` hunts all of them.
#include "base/planted.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/world.hpp"

namespace lichen::sim {
namespace {

constexpr std::uint64_t kSeeds = 40;

constexpr std::array kRare = {Bug::kTornAccepted, Bug::kProbeForgotten, Bug::kStopForgetsWaiting};

std::vector<BugRow> common() {
  std::vector<BugRow> rows(kBugs.begin(), kBugs.end());
  std::erase_if(rows, [](const BugRow& row) { return std::ranges::find(kRare, row.bug) != kRare.end(); });
  return rows;
}

// In a process of its own: what a bug breaks may be an assertion.
bool breaks(Bug bug, std::uint64_t seed) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    planted_bug = bug;
    const Report report = run({.seed = seed, .devices = 10, .hours = 4, .faults = {}, .shape = ShapeChoice::kSwarm});
    ::_exit(report.violation ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

class PlantedBugs : public testing::TestWithParam<BugRow> {};

TEST_P(PlantedBugs, AreFoundWithinFewSeeds) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (breaks(GetParam().bug, seed)) return;
  }
  FAIL() << GetParam().name << ": " << GetParam().mistake;
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBugs, testing::ValuesIn(common()), [](const auto& row) {
  std::string name(row.param.name);
  std::erase(name, '-');
  return name;
});

TEST(NoPlantedBug, TheSameSeedsAreClean) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) ASSERT_FALSE(breaks(Bug::kNone, seed)) << seed;
}

}  // namespace
}  // namespace lichen::sim
