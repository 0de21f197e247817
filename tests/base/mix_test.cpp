// SPDX-License-Identifier: Apache-2.0
// Fixed vectors: a seed must mean the same run on every machine and in every version.
#include "base/mix.hpp"

#include <cstdint>
#include <initializer_list>
#include <set>

#include <gtest/gtest.h>

namespace lichen {
namespace {

std::uint64_t hash_of(std::initializer_list<std::uint64_t> values) {
  TraceHash hash;
  for (const std::uint64_t value : values) hash.add(value);
  return hash.value();
}

TEST(Mix64, GivesItsFixedVectors) {
  EXPECT_EQ(mix64(0), 0u);
  EXPECT_EQ(mix64(1), 0x5692161D100B05E5ull);
  EXPECT_EQ(mix64(~0ull), 0xB4D055FCF2CBBD7Bull);
}

// The published vector of SplitMix64 for seed 1234567 (Vigna's splitmix64.c; also printed on Rosetta Code).
TEST(SplitMix64, GivesThePublishedSequenceForSeed1234567) {
  SplitMix64 random(1234567);
  for (const std::uint64_t expected : {6457827717110365317ull, 3203168211198807973ull, 9817491932198370423ull,
                                       4593380528125082431ull, 16408922859458223821ull}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(SplitMix64, BelowTenGivesItsFixedVector) {
  SplitMix64 random(42);
  for (const std::uint64_t expected : {7u, 1u, 2u, 3u, 0u, 8u, 2u, 8u}) EXPECT_EQ(random.below(10), expected);
}

TEST(SplitMix64, BelowReachesEveryValueUnderTheBoundAndNoOther) {
  SplitMix64 random(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.below(7));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(SplitMix64, ChanceOfZeroNeverComesAndOfAMillionAlways) {
  SplitMix64 random(9);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1'000'000));
  }
}

TEST(SplitMix64, ChanceOfATenthComesAboutOnceInTen) {
  SplitMix64 random(5);
  int hits = 0;
  for (int i = 0; i < 100'000; ++i) hits += random.chance(100'000) ? 1 : 0;
  EXPECT_NEAR(hits, 10'000, 300);  // a little over three standard deviations
}

TEST(TraceHash, GivesItsFixedVectors) {
  EXPECT_EQ(hash_of({}), 0x6C696368656E0001ull);
  EXPECT_EQ(hash_of({1, 2, 3}), 0xCEEF3AA5E49E1E78ull);
}

TEST(TraceHash, DependsOnTheOrder) {
  EXPECT_EQ(hash_of({3, 2, 1}), 0x1901FF1456255967ull);
  EXPECT_NE(hash_of({1, 2, 3}), hash_of({3, 2, 1}));
}

TEST(TraceHash, DependsOnHowManyZeroesWereAdded) {
  EXPECT_NE(hash_of({0}), hash_of({0, 0}));
}

}  // namespace
}  // namespace lichen
