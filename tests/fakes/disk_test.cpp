// SPDX-License-Identifier: Apache-2.0
#include "fakes/disk.hpp"

#include <cstdint>
#include <string_view>

#include <gtest/gtest.h>

namespace lichen::fakes {
namespace {

constexpr std::uint64_t kSeeds = 200;

Bytes filled(std::size_t count, int value) {
  return Bytes(count, static_cast<std::byte>(value));
}

class OneDisk {
 public:
  explicit OneDisk(std::uint64_t seed) : disk_(SeededRandom(seed, 0, 0)) {}

  Result<Bytes> read() { return disk_.complete(disk_.read("f"), false).result; }
  Result<Bytes> write(Bytes content, bool fails = false) {
    return disk_.complete(disk_.write("f", std::move(content)), fails).result;
  }
  Result<Bytes> sync(bool fails = false) { return disk_.complete(disk_.sync("f"), fails).result; }
  void sync_directory() { (void)disk_.complete(disk_.sync_directory(), false); }
  // Written, synced and in the directory.
  void make_durable(Bytes content) {
    (void)write(std::move(content));
    (void)sync();
    sync_directory();
  }

  Disk& disk() { return disk_; }

 private:
  Disk disk_;
};

TEST(Disk, AFileThatIsNotThereReadsAsNotFound) {
  OneDisk d(1);
  const auto read = d.read();
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, Code::kNotFound);
}

TEST(Disk, NothingHappensBeforeItsCompletion) {
  OneDisk d(1);
  const ports::StorageOp op = d.disk().write("f", filled(3, 1));
  EXPECT_EQ(d.disk().visible("f"), nullptr);
  EXPECT_TRUE(d.disk().pending(op));
  (void)d.disk().complete(op, false);
  ASSERT_NE(d.disk().visible("f"), nullptr);
  EXPECT_EQ(*d.disk().visible("f"), filled(3, 1));
  EXPECT_FALSE(d.disk().pending(op));
}

TEST(Disk, WhatWasSyncedSurvivesEveryPowerCut) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    d.make_durable(filled(2000, 1));
    d.disk().power_cut();
    const auto read = d.read();
    ASSERT_TRUE(read.has_value());
    ASSERT_EQ(*read, filled(2000, 1));
  }
}

TEST(Disk, WhatWasNotSyncedIsLostKeptOrTornByAPowerCut) {
  int lost = 0;
  int kept = 0;
  int torn = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    d.make_durable(filled(2000, 1));
    (void)d.write(filled(2000, 2));
    d.disk().power_cut();
    const auto read = d.read();
    ASSERT_TRUE(read.has_value());
    if (*read == filled(2000, 1)) {
      ++lost;
    } else if (*read == filled(2000, 2)) {
      ++kept;
    } else {
      ++torn;
    }
  }
  EXPECT_GT(lost, 0);
  EXPECT_GT(kept, 0);
  EXPECT_GT(torn, 0);
}

TEST(Disk, AnUnsyncedDirectoryEntryVanishesNowAndThen) {
  int gone = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    (void)d.write(filled(100, 1));
    (void)d.sync();  // of the file only
    d.disk().power_cut();
    if (d.disk().visible("f") == nullptr) {
      ++gone;
    } else {
      ASSERT_EQ(*d.disk().visible("f"), filled(100, 1));
    }
  }
  EXPECT_GT(gone, 0);
  EXPECT_LT(gone, static_cast<int>(kSeeds));
}

TEST(Disk, AfterAFailedSyncALaterOneLies) {
  int old = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    d.make_durable(filled(100, 1));
    (void)d.write(filled(100, 2));
    EXPECT_FALSE(d.sync(true).has_value());
    EXPECT_TRUE(d.sync().has_value());  // it says that all is well
    EXPECT_EQ(*d.disk().visible("f"), filled(100, 2));
    d.disk().power_cut();
    if (*d.disk().visible("f") == filled(100, 1)) ++old;
  }
  EXPECT_GT(old, 0);
}

TEST(Disk, AfterAFailedSyncReadingShowsWhatTheDiskHas) {
  OneDisk d(1);
  d.make_durable(filled(100, 1));
  (void)d.write(filled(100, 2));
  EXPECT_FALSE(d.sync(true).has_value());
  const auto read = d.read();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, filled(100, 1));
}

TEST(Disk, WritingAgainAfterAFailedSyncMakesSyncsHonest) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    d.make_durable(filled(100, 1));
    (void)d.write(filled(100, 2));
    (void)d.sync(true);
    (void)d.write(filled(100, 3));
    EXPECT_TRUE(d.sync().has_value());
    d.disk().power_cut();
    ASSERT_EQ(*d.disk().visible("f"), filled(100, 3));
  }
}

TEST(Disk, WhatAReadReturnedIsDurable) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    d.make_durable(filled(100, 1));
    (void)d.write(filled(100, 2));
    d.disk().process_killed();
    const auto read = d.read();
    ASSERT_TRUE(read.has_value());
    d.disk().power_cut();
    ASSERT_EQ(*d.disk().visible("f"), *read);
  }
}

TEST(Disk, AKilledProcessLosesNothingThatItWrote) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    (void)d.write(filled(100, 2));
    d.disk().process_killed();
    ASSERT_EQ(*d.disk().visible("f"), filled(100, 2));
  }
}

TEST(Disk, OperationsUnderWayAreDoneOrNotWhenTheProcessIsKilled) {
  int done = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    const ports::StorageOp op = d.disk().write("f", filled(100, 2));
    d.disk().process_killed();
    EXPECT_FALSE(d.disk().pending(op));
    EXPECT_TRUE(d.disk().take_submitted().empty());
    done += d.disk().visible("f") != nullptr ? 1 : 0;
  }
  EXPECT_GT(done, 0);
  EXPECT_LT(done, static_cast<int>(kSeeds));
}

TEST(Disk, AFailedWriteLeavesATornFile) {
  int torn = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    OneDisk d(seed);
    d.make_durable(filled(2000, 1));
    EXPECT_FALSE(d.write(filled(2000, 2), true).has_value());
    torn += *d.disk().visible("f") != filled(2000, 2) ? 1 : 0;
  }
  EXPECT_GT(torn, static_cast<int>(kSeeds) / 2);
}

TEST(Disk, OperationsCompleteInAnyOrder) {
  OneDisk d(1);
  const ports::StorageOp first = d.disk().write("f", filled(3, 1));
  const ports::StorageOp second = d.disk().write("f", filled(3, 2));
  EXPECT_EQ(d.disk().take_submitted(), (std::vector<ports::StorageOp>{first, second}));
  (void)d.disk().complete(second, false);
  (void)d.disk().complete(first, false);
  EXPECT_EQ(*d.disk().visible("f"), filled(3, 1));
}

}  // namespace
}  // namespace lichen::fakes
