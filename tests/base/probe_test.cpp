// SPDX-License-Identifier: Apache-2.0
// Probes are counted by thread and forgotten when taken; names of probes and planted bugs are there once each.
#include "base/probe.hpp"

#include <set>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "base/planted.hpp"

namespace lichen {
namespace {

std::uint64_t taken(Probe p) {
  return take_probe_counts()[static_cast<std::size_t>(p)];
}

TEST(Probes, AreCountedUntilTheyAreTaken) {
  if (!kHasProbes) GTEST_SKIP() << "built with -DLICHEN_PROBES=OFF";
  (void)take_probe_counts();
  probe(Probe::kBreakerOpened);
  probe(Probe::kBreakerOpened);
  EXPECT_EQ(taken(Probe::kBreakerOpened), 2u);
  EXPECT_EQ(taken(Probe::kBreakerOpened), 0u);
}

TEST(Probes, OfAnotherThreadAreItsOwn) {
  if (!kHasProbes) GTEST_SKIP() << "built with -DLICHEN_PROBES=OFF";
  (void)take_probe_counts();
  std::uint64_t there = 0;
  std::thread([&] {
    probe(Probe::kBreakerClosed);
    there = taken(Probe::kBreakerClosed);
  }).join();
  EXPECT_EQ(there, 1u);
  EXPECT_EQ(taken(Probe::kBreakerClosed), 0u);
}

TEST(Probes, EachSaysSomethingElse) {
  EXPECT_EQ(std::set<std::string_view>(kProbeNames.begin(), kProbeNames.end()).size(), kProbes);
}

TEST(PlantedBugs, EachIsInTheTableOnce) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kBugs.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kBugs[i].bug), i + 1) << kBugs[i].name;
    EXPECT_FALSE(kBugs[i].mistake.empty());
    names.insert(kBugs[i].name);
  }
  EXPECT_EQ(names.size(), kBugs.size());
}

}  // namespace
}  // namespace lichen
