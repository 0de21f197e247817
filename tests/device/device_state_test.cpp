// SPDX-License-Identifier: Apache-2.0
#include "device/device_state.hpp"

#include <gtest/gtest.h>

namespace lichen::device {
namespace {

const DeviceState kExample{.boot_id = 0x1122334455667788ull, .times_opened = {{0, 3, 1}, {}, {7}}};

TEST(DeviceState, ComesBackAsItWas) {
  const auto decoded = decode(encode(kExample));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, kExample);
}

TEST(DeviceState, OfADeviceWithoutModelsComesBackToo) {
  const auto decoded = decode(encode({.boot_id = 1, .times_opened = {}}));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->boot_id, 1u);
}

TEST(DeviceState, EveryTruncationIsRefused) {
  const Bytes whole = encode(kExample);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto decoded = decode(ByteView(whole).first(length));
    ASSERT_FALSE(decoded.has_value()) << "length " << length;
    EXPECT_EQ(decoded.error().code, Code::kDataLoss);
  }
}

TEST(DeviceState, TrailingBytesAreRefused) {
  Bytes longer = encode(kExample);
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode(longer).has_value());
}

TEST(DeviceState, AnotherFormatIsRefused) {
  Bytes other = encode(kExample);
  other[0] = std::byte{9};
  const auto decoded = decode(other);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().why, "format 9 is not 1");
}

TEST(DeviceState, CountsBeyondTheLimitsAreRefusedBeforeAnythingIsMade) {
  for (const std::size_t at : {12u, 16u}) {  // the count of models, and of the first model's rungs
    Bytes huge = encode(kExample);
    for (std::size_t i = 0; i < 4; ++i) huge[at + i] = std::byte{0xff};
    EXPECT_FALSE(decode(huge).has_value());
  }
}

}  // namespace
}  // namespace lichen::device
