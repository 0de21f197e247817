// SPDX-License-Identifier: Apache-2.0
// Sums of blocks, the place of a flipped bit, the pool of weights, and the scrubber that puts bits right.
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <random>

#include <gtest/gtest.h>

#include "base/crc32c.hpp"
#include "posix/block_sums.hpp"
#include "posix/os.hpp"
#include "posix/scrubber.hpp"
#include "posix/weight_pool.hpp"

namespace lichen::posix {
namespace {

Bytes noise(std::size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  Bytes made(bytes);
  for (std::byte& byte : made) byte = static_cast<std::byte>(random());
  return made;
}

void flip(std::byte* bytes, std::size_t bit) {
  bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
}

TEST(BlockSums, EverySingleFlipOfASmallBlockIsLocated) {
  for (const std::size_t size : {1u, 7u, 8u, 33u, 500u}) {
    Bytes block = noise(size, 1);
    const BlockSum before = sum_of(block);
    for (std::size_t bit = 0; bit < size * 8; ++bit) {
      flip(block.data(), bit);
      const BlockSum after = sum_of(block);
      EXPECT_NE(after.mix, before.mix);
      ASSERT_EQ(locate_flip(size, before.crc, after.crc), bit) << size;
      flip(block.data(), bit);
    }
  }
}

TEST(BlockSums, TheFirstAndTheLastBitOfAWholeBlockAreLocated) {
  Bytes block = noise(kSumBlockBytes, 2);
  const BlockSum before = sum_of(block);
  for (const std::size_t bit : {std::size_t{0}, std::size_t{1}, kSumBlockBytes * 4, kSumBlockBytes * 8 - 1}) {
    flip(block.data(), bit);
    EXPECT_EQ(locate_flip(block.size(), before.crc, sum_of(block).crc), bit);
    flip(block.data(), bit);
  }
  EXPECT_EQ(locate_flip(block.size(), before.crc, before.crc), std::nullopt);
}

TEST(BlockSums, TwoFlipsNeverLookLikeOne) {
  Bytes block = noise(4096, 3);
  const BlockSum before = sum_of(block);
  std::mt19937 random(4);
  for (int i = 0; i < 300; ++i) {
    const std::size_t a = random() % (block.size() * 8);
    const std::size_t b = random() % (block.size() * 8);
    if (a == b) continue;
    flip(block.data(), a);
    flip(block.data(), b);
    EXPECT_NE(sum_of(block).mix, before.mix);
    EXPECT_EQ(locate_flip(block.size(), before.crc, sum_of(block).crc), std::nullopt);
    flip(block.data(), a);
    flip(block.data(), b);
  }
}

// Three flips can have the syndrome of one, and then only the second sum tells. Four syndromes that cancel are found by
// looking for a pair of pairs with one sum.
TEST(BlockSums, ThreeFlipsThatLookLikeOneAreSeenByTheSecondSum) {
  constexpr std::size_t kBytes = 16 << 10;
  Bytes block(kBytes);
  const BlockSum before = sum_of(block);
  // Bits far apart: up to 5243 bits the Hamming distance is 6. Of 8 million pairs some share a sum.
  constexpr std::uint16_t kBits = 4096;
  constexpr std::size_t kStride = 31;
  std::vector<std::uint32_t> syndromes;
  for (std::size_t i = 0; i < kBits; ++i) {
    flip(block.data(), i * kStride);
    syndromes.push_back(sum_of(block).crc ^ before.crc);
    flip(block.data(), i * kStride);
  }
  struct Pair {
    std::uint32_t sum;
    std::uint16_t a, b;
  };
  std::vector<Pair> pairs;
  for (std::uint16_t a = 0; a < kBits; ++a) {
    for (std::uint16_t b = 0; b < a; ++b) pairs.push_back({syndromes[a] ^ syndromes[b], a, b});
  }
  std::ranges::sort(pairs, {}, &Pair::sum);
  const auto same = std::ranges::adjacent_find(pairs, {}, &Pair::sum);
  ASSERT_NE(same, pairs.end());
  const Pair first = *same;
  const Pair second = *std::next(same);
  for (const std::size_t bit : {first.a, first.b, second.a}) flip(block.data(), bit * kStride);
  EXPECT_EQ(locate_flip(kBytes, before.crc, sum_of(block).crc), second.b * kStride) << "the CRC alone is fooled";
  flip(block.data(), second.b * kStride);
  EXPECT_EQ(sum_of(block).crc, before.crc);
  EXPECT_NE(sum_of(block), before) << "but not the second sum";
}

TEST(Crc32c, TheInstructionAndTheTablesAgree) {
  for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 63u, 4096u, 5001u}) {
    const Bytes bytes = noise(size, 5);
    EXPECT_EQ(crc32c(bytes, 17), crc32c_by_tables(bytes, 17)) << size;
  }
}

TEST(WeightPool, GivesAlignedMemoryInOnePieceAndKeepsItWhenSealed) {
  auto pool = WeightPool::create(std::size_t{64} << 20);
  ASSERT_TRUE(pool) << pool.error().to_line();
  std::vector<std::pair<std::byte*, std::size_t>> taken;
  for (const std::size_t size : {100u, 1u, 70'000u, 9'000'000u, 64u}) {
    auto* at = static_cast<std::byte*>((*pool)->allocate(size, 64));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % 64, 0U);
    std::fill_n(at, size, static_cast<std::byte>(size));
    taken.emplace_back(at, size);
  }
  ASSERT_TRUE((*pool)->seal());
  for (const auto& [at, size] : taken) {
    EXPECT_TRUE(std::all_of(at, at + size, [&](std::byte byte) { return byte == static_cast<std::byte>(size); }));
    EXPECT_GE(at, (*pool)->bytes().data());
    EXPECT_LE(at + size, (*pool)->bytes().data() + (*pool)->bytes().size());
  }
  EXPECT_THROW(static_cast<void>((*pool)->allocate(1, 1)), std::bad_alloc);
  for (const auto& [at, size] : taken) (*pool)->deallocate(at, size, 64);
}

TEST(WeightPool, TakesBackTheLastPieceAndRefusesMoreThanItHas) {
  auto pool = WeightPool::create(1 << 20);
  ASSERT_TRUE(pool);
  void* first = (*pool)->allocate(1000, 64);
  (*pool)->deallocate(first, 1000, 64);
  EXPECT_EQ((*pool)->allocate(500, 64), first);
  EXPECT_THROW(static_cast<void>((*pool)->allocate(3 << 20, 64)), std::bad_alloc);
}

TEST(WeightPoolDeathTest, AStrayWriteToSealedWeightsIsACrash) {
  auto pool = WeightPool::create(1 << 20);
  ASSERT_TRUE(pool);
  auto* at = static_cast<volatile char*>((*pool)->allocate(1000, 64));
  at[0] = 1;
  ASSERT_TRUE((*pool)->seal());
  EXPECT_DEATH(at[0] = 2, "");
}

class ScrubberTest : public ::testing::Test {
 protected:
  static constexpr TimeNs kPeriodNs = kSecondNs;

  void SetUp() override {
    auto made = WeightPool::create(std::size_t{8} << 20);
    ASSERT_TRUE(made);
    pool_ = std::move(*made);
    weights_ = static_cast<std::byte*>(pool_->allocate(kBytes, 64));
    std::ranges::copy(right_, weights_);
    ASSERT_TRUE(pool_->seal());
    scrubber_.add(pool_->bytes(), Scrubber::Pages::kReadOnly);
    ASSERT_TRUE(scrubber_.arm(kPeriodNs, 0));
  }

  void hit(std::size_t bit) {
    ASSERT_EQ(::mprotect(pool_pages(), kBytes, PROT_READ | PROT_WRITE), 0);
    flip(weights_, bit);
    ASSERT_EQ(::mprotect(pool_pages(), kBytes, PROT_READ), 0);
  }
  void* pool_pages() { return weights_; }

  // One whole pass.
  Result<void> pass() {
    const TimeNs end_ns = now_ns_ + kPeriodNs;
    Result<void> done;
    while (done && now_ns_ < end_ns) {
      now_ns_ = std::min(end_ns, scrubber_.next_ns());
      done = scrubber_.work(now_ns_);
    }
    return done;
  }

  static constexpr std::size_t kBytes = 20 * kSumBlockBytes + 100;
  Bytes right_ = noise(kBytes, 6);
  std::unique_ptr<WeightPool> pool_;
  std::byte* weights_ = nullptr;
  Scrubber scrubber_;
  TimeNs now_ns_ = 0;
};

TEST_F(ScrubberTest, APassTakesOnePeriodAndLooksAtEveryBlockOnce) {
  ASSERT_TRUE(pass());
  EXPECT_EQ(scrubber_.counters().blocks, 21U);
  EXPECT_EQ(scrubber_.counters().scrubbed, 21U);
  EXPECT_EQ(scrubber_.counters().flips_mended, 0U);
}

TEST_F(ScrubberTest, SingleFlipsAreMendedInPlaceWithinOnePass) {
  std::mt19937 random(7);
  for (std::uint64_t i = 1; i <= 30; ++i) {
    hit(random() % (kBytes * 8));
    ASSERT_TRUE(pass());
    EXPECT_EQ(scrubber_.counters().flips_mended, i);
    EXPECT_TRUE(std::equal(right_.begin(), right_.end(), weights_));
  }
}

TEST_F(ScrubberTest, AfterARepairThePagesAreReadOnlyAgain) {
  hit(12345);
  ASSERT_TRUE(pass());
  EXPECT_DEATH(*const_cast<volatile std::byte*>(weights_ + 12345 / 8) = std::byte{1}, "");
}

TEST_F(ScrubberTest, TwoFlipsInABlockAreDamageThatIsNamed) {
  hit(3 * kSumBlockBytes * 8 + 5);
  hit(3 * kSumBlockBytes * 8 + 900);
  const Result<void> done = pass();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, "weights damaged");
  EXPECT_EQ(done.error().where, "block 4 of 21");
}

TEST_F(ScrubberTest, AfterAStopItGoesOnWithoutCatchingUpForEver) {
  ASSERT_TRUE(scrubber_.work(kHourNs));
  EXPECT_EQ(scrubber_.counters().scrubbed, kScrubBurstBlocksMax);
  EXPECT_GE(scrubber_.next_ns(), kHourNs - kPeriodNs);
}

TEST(Scrubber, AWritableRangeIsMendedAndStaysWritable) {
  Bytes constant = noise(1000, 8);
  const Bytes right = constant;
  Scrubber scrubber;
  scrubber.add(constant, Scrubber::Pages::kWritable);
  ASSERT_TRUE(scrubber.arm(kSecondNs, 0));
  flip(constant.data(), 4321);
  ASSERT_TRUE(scrubber.work(kSecondNs));
  EXPECT_EQ(constant, right);
  constant[0] = std::byte{1};
}

TEST(Scrubber, OverlappingAndNeighbouringRangesOfAFileAreSummedOnce) {
  const Bytes file = noise(10'000, 9);
  Scrubber scrubber;
  scrubber.add(ByteView(file).subspan(5000, 100), Scrubber::Pages::kReadOnly);
  scrubber.add(ByteView(file).first(200), Scrubber::Pages::kReadOnly);
  scrubber.add(ByteView(file).subspan(100, 300), Scrubber::Pages::kReadOnly);
  ASSERT_TRUE(scrubber.arm(kSecondNs, 0));
  EXPECT_EQ(scrubber.counters().blocks, 2U);
}

TEST(Scrubber, WithoutAPeriodOrMemoryItHasNothingToDo) {
  const Bytes file = noise(100, 10);
  Scrubber off;
  off.add(file, Scrubber::Pages::kReadOnly);
  ASSERT_TRUE(off.arm(0, 0));
  EXPECT_EQ(off.next_ns(), kNeverNs);
  EXPECT_EQ(off.nap_until_ns(), kNeverNs);
  Scrubber empty;
  ASSERT_TRUE(empty.arm(kSecondNs, 0));
  EXPECT_EQ(empty.next_ns(), kNeverNs);
  EXPECT_TRUE(empty.work(kHourNs));
}

}  // namespace
}  // namespace lichen::posix
