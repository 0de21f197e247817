// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace lichen {
namespace {

TEST(ByteWriter, PutsTheLowestByteFirst) {
  Bytes bytes;
  ByteWriter(bytes).put(std::uint32_t{0x01020304});
  EXPECT_EQ(bytes, (Bytes{std::byte{4}, std::byte{3}, std::byte{2}, std::byte{1}}));
}

TEST(ByteWriter, AppendsToWhatIsAlreadyThere) {
  Bytes bytes{std::byte{9}};
  ByteWriter(bytes).put(std::uint8_t{7});
  EXPECT_EQ(bytes, (Bytes{std::byte{9}, std::byte{7}}));
}

TEST(ByteWriter, PutsTextAsLengthThenBytes) {
  Bytes bytes;
  ByteWriter(bytes).put_text("ab");
  EXPECT_EQ(text_of(bytes), std::string_view("\2\0\0\0ab", 6));
}

TEST(ByteReader, GivesBackEveryKindOfValueThatWasWritten) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(std::int64_t{-2});
  writer.put(std::numeric_limits<std::uint16_t>::max());
  writer.put(0.1F);
  writer.put(-1e300);
  writer.put_text("lichen");
  writer.put_bytes(bytes_of("xyz"));

  ByteReader reader(bytes);
  EXPECT_EQ(reader.get<std::int64_t>(), -2);
  EXPECT_EQ(reader.get<std::uint16_t>(), 65535);
  EXPECT_EQ(reader.get<float>(), 0.1F);
  EXPECT_EQ(reader.get<double>(), -1e300);
  EXPECT_EQ(reader.get_text(), "lichen");
  EXPECT_EQ(text_of(reader.get_bytes(3)), "xyz");
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.left(), 0u);
}

TEST(ByteReader, CountsWhatWasReadAndWhatIsLeft) {
  const Bytes bytes(10);
  ByteReader reader(bytes);
  (void)reader.get<std::uint32_t>();
  EXPECT_EQ(reader.at(), 4u);
  EXPECT_EQ(reader.left(), 6u);
}

TEST(ByteReader, GivesZeroAndIsNotOkWhenAValueIsCutShort) {
  const Bytes bytes(3, std::byte{0xFF});
  ByteReader reader(bytes);
  EXPECT_EQ(reader.get<std::uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, StaysNotOkAfterTheFirstShortRead) {
  const Bytes bytes(3, std::byte{0xFF});
  ByteReader reader(bytes);
  (void)reader.get<std::uint32_t>();
  EXPECT_EQ(reader.get<std::uint8_t>(), 0u);
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, RefusesATextThatClaimsMoreBytesThanThereAre) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.put(std::uint32_t{5});
  writer.put_bytes(bytes_of("four"));
  ByteReader reader(bytes);
  EXPECT_EQ(reader.get_text(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, RefusesALengthThatWouldWrapAround) {
  const Bytes bytes(16);
  ByteReader reader(bytes);
  (void)reader.get<std::uint64_t>();
  EXPECT_TRUE(reader.get_bytes(std::numeric_limits<std::size_t>::max()).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, ReadsNothingFromNothingAndIsStillOk) {
  ByteReader reader({});
  EXPECT_TRUE(reader.get_bytes(0).empty());
  EXPECT_TRUE(reader.ok());
}

}  // namespace
}  // namespace lichen
