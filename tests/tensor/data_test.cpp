// SPDX-License-Identifier: Apache-2.0
#include "tensor/tensor.hpp"

#include <array>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lichen::tensor {
namespace {

using ::testing::ElementsAre;

constexpr std::array<float, 6> kValues{1, 2, 3, 4, 5, 6};

// The values at an odd address.
struct Odd {
  std::array<std::byte, 1 + sizeof kValues> bytes{};
  Odd() { std::memcpy(bytes.data() + 1, kValues.data(), sizeof kValues); }
  [[nodiscard]] ByteView view() const { return ByteView(bytes).subspan(1); }
};

TEST(Data, ThatIsBorrowedIsWhereItWas) {
  const ByteView view = std::as_bytes(std::span(kValues));
  const Data data = Data::borrow(view);
  EXPECT_EQ(data.bytes().data(), view.data());
  EXPECT_EQ(data.size(), view.size());
}

TEST(Data, OfAnyAlignmentIsAlignedWhenElementsAreAskedFor) {
  const Odd odd;
  const Data data = Data::borrow_unaligned(odd.view());
  EXPECT_EQ(data.stored().bytes.data(), odd.view().data());
  EXPECT_TRUE(data.stored().scales.empty());
  EXPECT_TRUE(data.is_aligned_to(sizeof(float)));
  EXPECT_THAT(data.as<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Data, IsMadeOnceForAllCopies) {
  const Odd odd;
  const Data data = Data::borrow_unaligned(odd.view());
  const Data copy = data;
  const std::byte* there = nullptr;
  std::thread other([&] { there = copy.bytes().data(); });
  const std::byte* here = data.bytes().data();
  other.join();
  EXPECT_EQ(here, there);
}

TEST(Data, IsScaledByRunsOfElements) {
  const Odd odd;
  for (const Data& from : {Data::borrow_unaligned(odd.view()), Data::copy_of(std::span<const float>(kValues))}) {
    const Data outer = Data::scaled(from, {10, 100}, 3);
    EXPECT_THAT(outer.as<float>(), ElementsAre(10, 20, 30, 400, 500, 600));
    EXPECT_EQ(std::memcmp(outer.stored().bytes.data(), kValues.data(), sizeof kValues), 0) << "stored as they were";
    EXPECT_THAT(outer.stored().scales, ElementsAre(10, 100));
    EXPECT_EQ(outer.stored().run, 3U);
    const Data inner = Data::scaled(from, {1, 10, 100}, 1);
    EXPECT_THAT(inner.as<float>(), ElementsAre(1, 20, 300, 4, 50, 600));
    EXPECT_THAT(from.as<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  }
}

TEST(Data, MayBeScaledTwice) {
  const Odd odd;
  const Data twice = Data::scaled(Data::scaled(Data::borrow_unaligned(odd.view()), {2, 3}, 3), {10, 1, 1}, 1);
  EXPECT_THAT(twice.as<float>(), ElementsAre(20, 4, 6, 120, 15, 18));
}

}  // namespace
}  // namespace lichen::tensor
