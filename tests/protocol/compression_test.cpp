// SPDX-License-Identifier: Apache-2.0
// Content codings: what is packed unpacks to the same; bombs stop at the bound; damage is told.
#include "protocol/compression.hpp"

#include <array>

#include <gtest/gtest.h>

#include "base/mix.hpp"

namespace lichen::protocol {
namespace {

constexpr std::array kCodings = {ContentCoding::kGzip, ContentCoding::kDeflate};
constexpr std::size_t kPlenty = 1 << 20;

std::string random_text(SplitMix64& random, std::size_t size, std::uint32_t letters) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random.below(letters));
  return text;
}

std::string packed(ContentCoding coding, const std::string& text) {
  auto bytes = compress(coding, text, text.size() + 4096);
  EXPECT_TRUE(bytes.has_value());
  return bytes.value_or("");
}

TEST(Compression, WhatIsPackedUnpacksToTheSame) {
  SplitMix64 random(17);
  for (const ContentCoding coding : kCodings) {
    for (const std::size_t size : {0U, 1U, 100U, 65'535U, 65'536U, 65'537U, 300'000U}) {
      for (const std::uint32_t letters : {1U, 4U, 256U}) {
        const std::string text = random_text(random, size, letters);
        const auto back = decompress(coding, packed(coding, text), text.size());
        ASSERT_TRUE(back.has_value()) << back.error().to_line();
        EXPECT_TRUE(*back == text) << name_of(coding) << ", " << size << " bytes of " << letters;
      }
    }
  }
}

// Python's gzip.compress(b"lichen", mtime=0) and zlib.compress(b"lichen").
TEST(Compression, BytesOfOtherProgramsAreRead) {
  const std::string gzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\xc9\x4c\xce\x48\xcd\x03\x00\x76\x6a\x01\x87\x06\x00\x00\x00", 26);
  const std::string zlib("\x78\x9c\xcb\xc9\x4c\xce\x48\xcd\x03\x00\x08\x97\x02\x74", 14);
  EXPECT_EQ(decompress(ContentCoding::kGzip, gzip, kPlenty).value(), "lichen");
  EXPECT_EQ(decompress(ContentCoding::kDeflate, zlib, kPlenty).value(), "lichen");
  EXPECT_EQ(decompress(ContentCoding::kGzip, gzip + gzip, kPlenty).value(), "lichenlichen") << "two members are one text";
}

TEST(Compression, ABombStopsAtTheBound) {
  for (const ContentCoding coding : kCodings) {
    const std::string bomb = packed(coding, std::string(64 << 20, ' '));
    ASSERT_LT(bomb.size(), 400'000U);
    const auto back = decompress(coding, bomb, 100'000);
    ASSERT_FALSE(back.has_value());
    EXPECT_EQ(back.error().code, Code::kExhausted);
    EXPECT_NE(back.error().why.find("100000"), std::string::npos);
  }
}

TEST(Compression, TheBoundIsExact) {
  for (const ContentCoding coding : kCodings) {
    const std::string bytes = packed(coding, std::string(1000, 'x'));
    EXPECT_TRUE(decompress(coding, bytes, 1000).has_value());
    EXPECT_EQ(decompress(coding, bytes, 999).error().code, Code::kExhausted);
  }
}

TEST(Compression, EveryPlaceWhereItIsCutIsTold) {
  for (const ContentCoding coding : kCodings) {
    const std::string bytes = packed(coding, "a text that is cut somewhere");
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const auto back = decompress(coding, bytes.substr(0, length), kPlenty);
      ASSERT_FALSE(back.has_value()) << length;
      EXPECT_EQ(back.error().code, Code::kBadInput);
    }
  }
}

TEST(Compression, DamageIsToldOrDoesNotMatter) {
  const std::string text = "a text in which one bit flips";
  for (const ContentCoding coding : kCodings) {
    const std::string bytes = packed(coding, text);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string damaged = bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      const auto back = decompress(coding, damaged, kPlenty);
      if (!back) continue;
      EXPECT_EQ(*back, text) << name_of(coding) << ", bit " << bit;
    }
  }
}

TEST(Compression, BytesAfterTheEndAreRefused) {
  for (const ContentCoding coding : kCodings) {
    EXPECT_FALSE(decompress(coding, packed(coding, "x") + "garbage", kPlenty).has_value()) << name_of(coding);
  }
}

TEST(Compression, WhatWouldNotGetShorterIsNotPacked) {
  SplitMix64 random(3);
  const std::string noise = random_text(random, 5000, 256);
  for (const ContentCoding coding : kCodings) {
    EXPECT_FALSE(compress(coding, noise, noise.size()).has_value());
    EXPECT_FALSE(compress(coding, "", 0).has_value());
  }
  EXPECT_FALSE(compress(ContentCoding::kIdentity, "text", 100).has_value());
}

TEST(Compression, CodingsAreFoundByName) {
  EXPECT_EQ(coding_named("gzip"), ContentCoding::kGzip);
  EXPECT_EQ(coding_named(" GZip "), ContentCoding::kGzip);
  EXPECT_EQ(coding_named("x-gzip"), ContentCoding::kGzip);
  EXPECT_EQ(coding_named("deflate"), ContentCoding::kDeflate);
  EXPECT_EQ(coding_named(""), ContentCoding::kIdentity);
  EXPECT_EQ(coding_named("identity"), ContentCoding::kIdentity);
  for (const char* unknown : {"br", "gzip, deflate", "gzip;q=1", "zstd"}) EXPECT_FALSE(coding_named(unknown)) << unknown;
}

TEST(Compression, TheCodingThatTheClientLikesBestIsTaken) {
  const std::pair<const char*, ContentCoding> cases[] = {
      {"", ContentCoding::kIdentity},
      {"gzip", ContentCoding::kGzip},
      {"deflate, gzip", ContentCoding::kDeflate},
      {"deflate;q=0.5, gzip;q=0.8", ContentCoding::kGzip},
      {"gzip;q=0", ContentCoding::kIdentity},
      {"gzip; q=0.0 , deflate", ContentCoding::kDeflate},
      {"br, zstd", ContentCoding::kIdentity},
      {"br, *;q=0.1", ContentCoding::kGzip},
      {"identity", ContentCoding::kIdentity},
      {"gzip;q=nonsense", ContentCoding::kIdentity},
      {"gzip;q=nan, deflate;q=2", ContentCoding::kIdentity},
      {",,;;,gzip,", ContentCoding::kGzip},
  };
  for (const auto& [field, coding] : cases) EXPECT_EQ(coding_accepted(field), coding) << field;
}

}  // namespace
}  // namespace lichen::protocol
