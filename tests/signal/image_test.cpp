// SPDX-License-Identifier: Apache-2.0
// The pictures and the numbers beside them were written by Pillow 11 (PNG, JPEG, BMP writers; BILINEAR resize).
#include "signal/image.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace lichen;
using signal::decode_image;
using signal::Image;
using ::testing::HasSubstr;

const std::filesystem::path kPictures = std::filesystem::path(LICHEN_SOURCE_DIR) / "tests" / "signal" / "pictures";

Bytes read(const std::string& name) {
  std::ifstream file(kPictures / name, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

std::vector<std::uint8_t> numbers(const std::string& name) {
  std::ifstream file(kPictures / name);
  std::vector<std::uint8_t> values;
  for (int value = 0; file >> value;) values.push_back(static_cast<std::uint8_t>(value));
  return values;
}

TEST(Picture, EveryFormatGivesTheSamePixels) {
  const std::vector<std::uint8_t> expected = numbers("colour.txt");
  ASSERT_EQ(expected.size(), 13U * 9 * 3);
  for (const char* name : {"colour.png", "colour.bmp", "rgba.bmp"}) {
    const auto image = decode_image(read(name), name);
    ASSERT_TRUE(image) << image.error().to_line();
    EXPECT_EQ(image->width, 13U);
    EXPECT_EQ(image->height, 9U);
    EXPECT_EQ(image->pixels, expected) << name;
  }
  const auto jpeg = decode_image(read("colour.jpg"), "colour.jpg");
  ASSERT_TRUE(jpeg) << jpeg.error().to_line();
  EXPECT_EQ(jpeg->pixels, numbers("jpeg.txt"));
  EXPECT_TRUE(decode_image(read("progressive.jpg"), "progressive.jpg"));
  const auto palette = decode_image(read("palette.png"), "palette.png");
  const auto bitmap = decode_image(read("palette.bmp"), "palette.bmp");
  ASSERT_TRUE(palette && bitmap);
  EXPECT_EQ(palette->pixels, bitmap->pixels);
}

TEST(Picture, GreyAndTransparentOnesAreRgbAsWell) {
  const auto grey = decode_image(read("grey.png"), "grey.png");
  ASSERT_TRUE(grey);
  EXPECT_EQ(grey->pixels[0], grey->pixels[1]);
  EXPECT_EQ(grey->pixels[1], grey->pixels[2]);
  const auto half = decode_image(read("half.png"), "half.png");
  ASSERT_TRUE(half);
  EXPECT_NEAR(half->pixels[2], numbers("colour.txt")[2] / 2, 1);
}

TEST(Picture, ResizesAsPillowDoes) {
  const auto image = decode_image(read("colour.png"), "colour.png");
  ASSERT_TRUE(image);
  EXPECT_EQ(signal::resize(*image, 5, 4)->pixels, numbers("resized_5x4.txt"));
  EXPECT_EQ(signal::resize(*image, 20, 15)->pixels, numbers("resized_20x15.txt"));
  EXPECT_EQ(signal::resize(*image, 13, 9)->pixels, image->pixels);
  EXPECT_FALSE(signal::resize(*image, 0, 4));
  EXPECT_EQ(signal::resize(*image, 100'000, 4).error().code, Code::kExhausted);
}

TEST(Picture, CutOffAnywhereItIsAnErrorOrAPicture) {
  for (const char* name : {"colour.png", "colour.bmp", "palette.bmp", "colour.jpg", "progressive.jpg", "half.png"}) {
    const Bytes whole = read(name);
    ASSERT_FALSE(whole.empty()) << name;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto image = decode_image(ByteView(whole).first(size), name);
      if (!image) {
        EXPECT_THAT(image.error().to_line(), HasSubstr(name));
      }
    }
  }
}

TEST(Picture, FlippedBitsAreAnErrorOrAPicture) {
  for (const char* name : {"colour.png", "colour.bmp", "palette.bmp", "colour.jpg"}) {
    const Bytes whole = read(name);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      Bytes broken = whole;
      broken[at] ^= std::byte{static_cast<std::uint8_t>(1U << (at % 8))};
      const auto image = decode_image(broken, name);
      if (image) {
        EXPECT_EQ(image->pixels.size(), image->width * image->height * 3);
      }
    }
  }
}

TEST(Picture, AbsurdSizesAreRefusedBeforeMemoryIsTaken) {
  Bytes huge = read("colour.bmp");
  const std::int32_t side = 16'000;
  std::memcpy(huge.data() + 18, &side, 4);
  std::memcpy(huge.data() + 22, &side, 4);
  EXPECT_EQ(decode_image(huge, "huge.bmp").error().code, Code::kExhausted);
  const std::int32_t lowest = INT32_MIN;
  std::memcpy(huge.data() + 22, &lowest, 4);
  EXPECT_EQ(decode_image(huge, "huge.bmp").error().code, Code::kBadInput);
  EXPECT_THAT(decode_image({}, "empty").error().to_line(), HasSubstr("neither PNG, nor JPEG, nor BMP"));
}

}  // namespace
