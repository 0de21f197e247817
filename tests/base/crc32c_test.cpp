// SPDX-License-Identifier: Apache-2.0
// Vectors: RFC 3720 appendix B.4 (iSCSI CRC examples; the RFC prints the bytes of the CRC in wire order).
#include "base/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

namespace lichen {
namespace {

std::array<std::byte, 32> filled(int first, int step) {
  std::array<std::byte, 32> bytes{};
  for (int i = 0; i < 32; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::byte>(first + step * i);
  return bytes;
}

TEST(Crc32c, Of32ZeroBytesIsTheVectorOfRfc3720) {
  EXPECT_EQ(crc32c(filled(0x00, 0)), 0x8A9136AAu);
}

TEST(Crc32c, Of32OnesIsTheVectorOfRfc3720) {
  EXPECT_EQ(crc32c(filled(0xFF, 0)), 0x62A8AB43u);
}

TEST(Crc32c, Of32IncrementingBytesIsTheVectorOfRfc3720) {
  EXPECT_EQ(crc32c(filled(0, 1)), 0x46DD794Eu);
}

TEST(Crc32c, Of32DecrementingBytesIsTheVectorOfRfc3720) {
  EXPECT_EQ(crc32c(filled(31, -1)), 0x113FDB5Cu);
}

TEST(Crc32c, OfAnIscsiReadCommandIsTheVectorOfRfc3720) {
  constexpr std::array<std::uint8_t, 48> kReadCommand = {
      0x01, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
      0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(crc32c(std::as_bytes(std::span(kReadCommand))), 0xD9963A56u);
}

TEST(Crc32c, OfNothingIsZero) {
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc32c, OfTheDigits123456789IsTheCheckValueOfTheCatalogue) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283u);
}

TEST(Crc32c, ContinuesAcrossEverySplitOfTheBytes) {
  const auto bytes = filled(7, 5);
  const ByteView all(bytes);
  const std::uint32_t whole = crc32c(all);
  for (std::size_t split = 0; split <= all.size(); ++split) {
    EXPECT_EQ(crc32c(all.subspan(split), crc32c(all.first(split))), whole) << "split at " << split;
  }
}

TEST(Crc32c, ChangesWithEverySingleFlippedBit) {
  auto bytes = filled(3, 11);
  const std::uint32_t sound = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1u << (bit % 8));
    bytes[bit / 8] ^= mask;
    EXPECT_NE(crc32c(bytes), sound) << "bit " << bit;
    bytes[bit / 8] ^= mask;
  }
}

}  // namespace
}  // namespace lichen
