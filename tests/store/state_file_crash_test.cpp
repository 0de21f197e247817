// SPDX-License-Identifier: Apache-2.0
// The state file loses power at every step, on many disks. What it called durable must come back.
#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

#include "base/mix.hpp"
#include "store/state_file.hpp"
#include "support.hpp"

namespace lichen::store {
namespace {

constexpr std::uint64_t kSeeds = 200;
constexpr std::uint64_t kSaves = 5;

// Saves numbered contents 1 to kSaves, each as soon as the one before is durable, for at most `steps` completions.
// Returns false if all of them became durable before.
bool save_for(StateOnDisk& state, std::uint64_t steps) {
  std::uint64_t saved = 0;
  for (std::uint64_t step = 0; step < steps; ++step) {
    if (state.file().phase() == StateFile::Phase::kReady && !state.file().busy() && saved < kSaves) {
      state.file().save(long_content(++saved));
    }
    if (!state.step()) return false;
  }
  return true;
}

TEST(StateFileCrash, APowerCutAfterAnyStepLosesNothingThatWasDurable) {
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (std::uint64_t steps = 0;; ++steps) {
      StateOnDisk state(seed);
      if (!save_for(state, steps)) break;
      const std::uint64_t durable = state.file().durable_generation();
      const std::uint64_t newest = state.file().newest_generation();
      state.disk().power_cut();
      state.open_again();
      ++crashes;
      ASSERT_EQ(state.file().phase(), StateFile::Phase::kReady);
      const std::uint64_t recovered = number_in(state.file().content());
      ASSERT_GE(recovered, durable) << "seed " << seed << ", step " << steps;
      ASSERT_LE(recovered, newest) << "seed " << seed << ", step " << steps;
      ASSERT_EQ(recovered, state.file().durable_generation());
      if (recovered > 0) {
        ASSERT_EQ(state.file().content(), long_content(recovered));
      }
    }
  }
  EXPECT_GT(crashes, kSeeds * kSaves * 2);
}

TEST(StateFileCrash, AfterAPowerCutAtAnyStepItSavesAgain) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (std::uint64_t steps = 0;; ++steps) {
      StateOnDisk state(seed);
      if (!save_for(state, steps)) break;
      state.disk().power_cut();
      state.open_again();
      state.save_and_settle(long_content(100));
      state.disk().power_cut();
      state.open_again();
      ASSERT_EQ(state.file().content(), long_content(100)) << "seed " << seed << ", step " << steps;
    }
  }
}

// The second file was seen whole by the process that opened it, but its creator never synced the directory: it may
// still vanish, so the first one must not be overwritten before the directory is synced.
TEST(StateFileCrash, AFileWhoseCreatorWasKilledIsNotReliedOn) {
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (int steps = 0; steps < 6; ++steps) {
      StateOnDisk state(seed);
      state.settle();
      state.save_and_settle(long_content(1));
      state.file().save(long_content(2));
      ASSERT_TRUE(state.step());  // written
      ASSERT_TRUE(state.step());  // synced, but not the directory
      state.disk().process_killed();
      state.open_again();
      ASSERT_EQ(number_in(state.file().content()), 2u);
      state.file().save(long_content(3));
      for (int step = 0; step < steps; ++step) (void)state.step();
      state.disk().power_cut();
      state.open_again();
      ASSERT_GE(number_in(state.file().content()), 1u) << "seed " << seed << ", step " << steps;
      ++crashes;
    }
  }
  EXPECT_EQ(crashes, kSeeds * 6);
}

// One long life with everything at once: saves at any moment, failing operations, killed processes, power cuts.
TEST(StateFileCrash, ALifeOfFaultsNeverLosesWhatWasDurable) {
  std::uint64_t durable_saves = 0;
  for (std::uint64_t seed = 0; seed < 10 * kSeeds; ++seed) {
    StateOnDisk state(seed);
    SplitMix64 random(seed);
    std::uint64_t saved = 0;
    std::uint64_t promised = 0;
    for (int life = 0; life < 10; ++life) {
      const std::uint64_t steps = random.below(20);
      std::uint64_t opened_with = ~0ull;
      for (std::uint64_t step = 0; step < steps; ++step) {
        if (state.file().phase() == StateFile::Phase::kReady) {
          if (opened_with == ~0ull) opened_with = state.file().durable_generation();
          if (random.chance(500'000)) state.file().save(long_content(++saved));
        }
        if (random.chance(100'000)) state.file().retry();
        if (!state.step(random.chance(50'000))) continue;
        if (opened_with == ~0ull || state.file().durable_generation() <= opened_with) continue;
        promised = std::max(promised, number_in(state.file().content()));
        ++durable_saves;
      }
      if (random.chance(500'000)) {
        state.disk().power_cut();
      } else {
        state.disk().process_killed();
      }
      state.restart();
      if (random.chance(300'000)) continue;  // killed again while it opens
      state.settle();
      ASSERT_EQ(state.file().phase(), StateFile::Phase::kReady);
      const std::uint64_t recovered = number_in(state.file().content());
      ASSERT_GE(recovered, promised) << "seed " << seed << ", life " << life;
      ASSERT_LE(recovered, saved);
      if (recovered > 0) {
        ASSERT_EQ(state.file().content(), long_content(recovered));
      }
    }
  }
  EXPECT_GT(durable_saves, kSeeds * 20);
}

}  // namespace
}  // namespace lichen::store
