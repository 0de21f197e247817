// SPDX-License-Identifier: Apache-2.0
#include "store/state_file.hpp"

#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::store {
namespace {

using Phase = StateFile::Phase;

TEST(StateFile, AFreshDirectoryOpensReadyAndEmpty) {
  StateOnDisk state(1);
  EXPECT_EQ(state.file().phase(), Phase::kOpening);
  state.settle();
  EXPECT_EQ(state.file().phase(), Phase::kReady);
  EXPECT_TRUE(state.file().content().empty());
  EXPECT_EQ(state.file().durable_generation(), 0u);
}

TEST(StateFile, WhatWasSavedIsThereAfterARestart) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("lichen"));
  EXPECT_EQ(state.file().durable_generation(), 1u);
  state.open_again();
  EXPECT_EQ(state.file().phase(), Phase::kReady);
  EXPECT_EQ(state.file().content(), content_of("lichen"));
  EXPECT_EQ(state.file().durable_generation(), 1u);
}

TEST(StateFile, EmptyContentIsAGenerationToo) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("something"));
  state.save_and_settle({});
  state.open_again();
  EXPECT_TRUE(state.file().content().empty());
  EXPECT_EQ(state.file().durable_generation(), 2u);
}

TEST(StateFile, ItIsDurableOnlyAfterItsSyncAndTheFirstSyncOfTheDirectory) {
  StateOnDisk state(1);
  state.settle();
  state.file().save(content_of("a"));
  EXPECT_TRUE(state.step());  // write
  EXPECT_EQ(state.file().durable_generation(), 0u);
  EXPECT_TRUE(state.step());  // sync
  EXPECT_EQ(state.file().durable_generation(), 0u);
  EXPECT_TRUE(state.step());  // sync of the directory
  EXPECT_EQ(state.file().durable_generation(), 1u);
  EXPECT_FALSE(state.file().busy());
}

TEST(StateFile, ItSyncsTheDirectoryOnceAStartBeforeItOverwritesAnything) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("a"));
  state.save_and_settle(content_of("b"));
  state.open_again();
  state.file().save(content_of("c"));
  EXPECT_TRUE(state.step());  // sync of the directory
  EXPECT_EQ(state.generation_in("state.0"), 1u);
  EXPECT_TRUE(state.step());  // write
  EXPECT_EQ(state.generation_in("state.0"), 3u);
  EXPECT_TRUE(state.step());  // sync
  EXPECT_EQ(state.file().durable_generation(), 3u);
  EXPECT_FALSE(state.step());
}

TEST(StateFile, SavesWhileItSyncsTheDirectoryKeepOnlyTheNewest) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("a"));
  state.open_again();
  state.file().save(content_of("b"));
  state.file().save(content_of("c"));
  EXPECT_EQ(state.file().newest_generation(), 2u);
  state.settle();
  EXPECT_EQ(state.file().durable_generation(), 2u);
  EXPECT_EQ(state.file().content(), content_of("c"));
}

TEST(StateFile, GenerationsTakeTurnsAndNeverOverwriteTheDurableOne) {
  StateOnDisk state(1);
  state.settle();
  for (std::uint64_t n = 1; n <= 9; ++n) {
    state.file().save(long_content(n));
    while (state.step()) {
      const std::uint64_t durable = state.file().durable_generation();
      if (durable == 0) continue;
      EXPECT_TRUE(state.generation_in("state.0") == durable || state.generation_in("state.1") == durable);
    }
    EXPECT_EQ(state.file().durable_generation(), n);
    EXPECT_EQ(state.generation_in(n % 2 == 1 ? "state.0" : "state.1"), n);
  }
}

TEST(StateFile, ATornNewestGenerationFallsBackToTheOneBefore) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("first"));
  state.save_and_settle(content_of("second"));
  Bytes torn = StateFile::frame(2, content_of("second"));
  torn.resize(torn.size() - 1);
  state.plant("state.1", torn);
  state.open_again();
  EXPECT_EQ(state.file().phase(), Phase::kReady);
  EXPECT_EQ(state.file().content(), content_of("first"));
}

TEST(StateFile, AfterFallingBackTheTornSlotIsTheOneThatIsWritten) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("first"));
  state.save_and_settle(content_of("second"));
  state.plant("state.1", content_of("rubbish"));
  state.open_again();
  state.file().save(content_of("third"));
  EXPECT_TRUE(state.step());  // sync of the directory
  EXPECT_TRUE(state.step());  // write
  EXPECT_EQ(state.generation_in("state.0"), 1u);
  EXPECT_EQ(state.generation_in("state.1"), 2u);
}

TEST(StateFile, TwoTornSlotsOpenAsEmptyAndWork) {
  StateOnDisk state(1);
  state.settle();
  state.plant("state.0", content_of("rubbish"));
  state.plant("state.1", {});
  state.open_again();
  EXPECT_EQ(state.file().phase(), Phase::kReady);
  EXPECT_TRUE(state.file().content().empty());
  state.save_and_settle(content_of("again"));
  state.open_again();
  EXPECT_EQ(state.file().content(), content_of("again"));
}

TEST(StateFile, SavesWhileOneIsWrittenKeepOnlyTheNewest) {
  StateOnDisk state(1);
  state.settle();
  state.file().save(content_of("a"));
  state.file().save(content_of("b"));
  state.file().save(content_of("c"));
  EXPECT_EQ(state.file().newest_generation(), 2u);
  int operations = 0;
  while (state.step()) ++operations;
  EXPECT_EQ(operations, 6);  // write, sync, sync of the directory: twice
  EXPECT_EQ(state.file().durable_generation(), 2u);
  EXPECT_EQ(state.file().content(), content_of("c"));
}

TEST(StateFile, AFailedSyncBreaksItAndNothingIsWrittenAnyMore) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("good"));
  state.file().save(content_of("lost"));
  EXPECT_TRUE(state.step());
  EXPECT_TRUE(state.step(true));
  EXPECT_EQ(state.file().phase(), Phase::kBroken);
  ASSERT_TRUE(state.file().fault().has_value());
  EXPECT_EQ(state.file().fault()->code, Code::kIo);
  state.file().save(content_of("never"));
  state.file().retry();
  EXPECT_FALSE(state.step());
  EXPECT_EQ(state.file().durable_generation(), 1u);
}

TEST(StateFile, AfterAFailedSyncTheNextStartRecoversWhatWasDurable) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("good"));
  state.file().save(content_of("lost"));
  EXPECT_TRUE(state.step());
  EXPECT_TRUE(state.step(true));
  state.open_again();
  EXPECT_EQ(state.file().phase(), Phase::kReady);
  EXPECT_EQ(state.file().content(), content_of("good"));
}

TEST(StateFile, AFailedSyncOfTheDirectoryBreaksItToo) {
  StateOnDisk state(1);
  state.settle();
  state.file().save(content_of("a"));
  EXPECT_TRUE(state.step());
  EXPECT_TRUE(state.step());
  EXPECT_TRUE(state.step(true));
  EXPECT_EQ(state.file().phase(), Phase::kBroken);
  EXPECT_EQ(state.file().durable_generation(), 0u);
}

TEST(StateFile, AFailedWriteIsTriedAgainInTheSameSpareSlot) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("first"));
  state.file().save(long_content(2));
  EXPECT_TRUE(state.step(true));
  EXPECT_EQ(state.file().phase(), Phase::kReady);
  EXPECT_TRUE(state.file().fault().has_value());
  EXPECT_FALSE(state.step());
  state.file().retry();
  EXPECT_TRUE(state.step());
  EXPECT_EQ(state.generation_in("state.0"), 1u);
  EXPECT_EQ(state.generation_in("state.1"), 2u);
  state.settle();
  EXPECT_EQ(state.file().durable_generation(), 2u);
  EXPECT_FALSE(state.file().fault().has_value());
  EXPECT_EQ(state.file().content(), long_content(2));
}

TEST(StateFile, RetryAfterAFailedWriteWritesWhatWasSavedMeanwhile) {
  StateOnDisk state(1);
  state.settle();
  state.file().save(content_of("old"));
  state.file().save(content_of("new"));
  EXPECT_TRUE(state.step(true));
  state.file().retry();
  state.settle();
  EXPECT_EQ(state.file().content(), content_of("new"));
  state.open_again();
  EXPECT_EQ(state.file().content(), content_of("new"));
}

TEST(StateFile, AFailedReadBreaksItSoThatNothingIsOverwritten) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("kept"));
  state.restart();
  EXPECT_TRUE(state.step(true));
  EXPECT_TRUE(state.step());
  EXPECT_EQ(state.file().phase(), Phase::kBroken);
  state.file().save(content_of("never"));
  EXPECT_FALSE(state.step());
}

TEST(StateFile, RetryAfterAFailedReadOpensAgain) {
  StateOnDisk state(1);
  state.settle();
  state.save_and_settle(content_of("kept"));
  state.restart();
  EXPECT_TRUE(state.step(true));
  EXPECT_TRUE(state.step());
  state.file().retry();
  EXPECT_EQ(state.file().phase(), Phase::kOpening);
  state.settle();
  EXPECT_EQ(state.file().phase(), Phase::kReady);
  EXPECT_EQ(state.file().content(), content_of("kept"));
  EXPECT_FALSE(state.file().fault().has_value());
}

TEST(StateFile, ACompletionOfSomebodyElseIsNotItsOwn) {
  StateOnDisk state(1);
  state.settle();
  EXPECT_FALSE(state.file().on({.op = 999'999, .result = Bytes{}}));
  state.file().save(content_of("a"));
  EXPECT_FALSE(state.file().on({.op = 999'999, .result = Bytes{}}));
  state.settle();
  EXPECT_TRUE(state.handled());
  EXPECT_EQ(state.file().durable_generation(), 1u);
}

TEST(StateFrame, ComesBackAsItWas) {
  const auto found = StateFile::unframe(StateFile::frame(42, content_of("frame")));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->number, 42u);
  EXPECT_EQ(found->content, content_of("frame"));
}

TEST(StateFrame, NoSingleFlippedBitIsOverlooked) {
  const Bytes whole = StateFile::frame(7, long_content(3));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    ASSERT_FALSE(StateFile::unframe(flipped).has_value()) << "bit " << bit;
  }
}

TEST(StateFrame, NoTruncationIsOverlooked) {
  const Bytes whole = StateFile::frame(7, long_content(3));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ASSERT_FALSE(StateFile::unframe(ByteView(whole).first(length)).has_value()) << "length " << length;
  }
}

TEST(StateFrame, AFileOfZeroesIsNoGeneration) {
  EXPECT_FALSE(StateFile::unframe(Bytes(4096)).has_value());
}

}  // namespace
}  // namespace lichen::store
