// SPDX-License-Identifier: Apache-2.0
#include "signal/image.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "signal/decoders.hpp"

namespace lichen::signal {
namespace {

bool begins_with(ByteView file, std::string_view magic) {
  return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
}

// The source pixels of one output pixel along an axis, and their weights in units of 2^-22.
struct Taps {
  std::size_t first = 0;
  std::vector<std::int32_t> weights;
};
constexpr int kWeightBits = 22;

std::vector<Taps> taps_of(std::size_t in, std::size_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double support = std::max(scale, 1.0);  // half the width of the triangle, in source pixels
  std::vector<Taps> all(out);
  for (std::size_t i = 0; i < out; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = static_cast<std::size_t>(std::max(0.0, center - support + 0.5));
    const auto end = static_cast<std::size_t>(std::min(static_cast<double>(in), center + support + 0.5));
    std::vector<double> weights;
    double sum = 0;
    for (std::size_t x = begin; x < end; ++x) {
      const double distance = std::abs((static_cast<double>(x) - center + 0.5) / support);
      weights.push_back(distance < 1.0 ? 1.0 - distance : 0.0);
      sum += weights.back();
    }
    all[i].first = begin;
    for (const double w : weights) {
      const double share = sum > 0 ? w / sum : 1.0 / static_cast<double>(weights.size());
      all[i].weights.push_back(static_cast<std::int32_t>(std::lround(share * (1 << kWeightBits))));
    }
  }
  return all;
}

std::uint8_t rounded(std::int64_t sum) {
  return static_cast<std::uint8_t>(
      std::clamp<std::int64_t>((sum + (std::int64_t{1} << (kWeightBits - 1))) >> kWeightBits, 0, 255));
}

constexpr std::size_t kChannels = 3;

Image resize_rows(const Image& image, std::size_t width) {
  const std::vector<Taps> taps = taps_of(image.width, width);
  Image out{width, image.height, std::vector<std::uint8_t>(width * image.height * kChannels)};
  std::size_t at = 0;
  for (std::size_t y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.pixels.data() + y * image.width * kChannels;
    for (const Taps& tap : taps) {
      for (std::size_t c = 0; c < kChannels; ++c) {
        std::int64_t sum = 0;
        for (std::size_t k = 0; k < tap.weights.size(); ++k)
          sum += std::int64_t{tap.weights[k]} * row[(tap.first + k) * kChannels + c];
        out.pixels[at++] = rounded(sum);
      }
    }
  }
  return out;
}

Image resize_columns(const Image& image, std::size_t height) {
  const std::vector<Taps> taps = taps_of(image.height, height);
  const std::size_t stride = image.width * kChannels;
  Image out{image.width, height, std::vector<std::uint8_t>(stride * height)};
  std::size_t at = 0;
  for (const Taps& tap : taps) {
    for (std::size_t x = 0; x < stride; ++x) {
      std::int64_t sum = 0;
      for (std::size_t k = 0; k < tap.weights.size(); ++k)
        sum += std::int64_t{tap.weights[k]} * image.pixels[(tap.first + k) * stride + x];
      out.pixels[at++] = rounded(sum);
    }
  }
  return out;
}

}  // namespace

Result<void> check_size(std::size_t width, std::size_t height, std::string_view name) {
  if (width == 0 || height == 0) return fail(Code::kBadInput, "cannot read picture", std::string(name), "it has no pixels");
  if (width <= kImageSideMax && height <= kImageSideMax && width * height <= kImagePixelsMax) return {};
  return fail(Code::kExhausted, "cannot read picture", std::string(name),
              fmt::format("{} x {} pixels, the limit is {} a side and {} in all", width, height, kImageSideMax,
                          kImagePixelsMax));
}

Result<Image> decode_image(ByteView file, std::string_view name) {
  if (begins_with(file, "\x89PNG\r\n\x1A\n")) return decode_png(file, name);
  if (begins_with(file, "\xFF\xD8\xFF")) return decode_jpeg(file, name);
  if (begins_with(file, "BM")) return decode_bmp(file, name);
  return fail(Code::kBadInput, "cannot read picture", std::string(name), "it is neither PNG, nor JPEG, nor BMP");
}

Result<Image> resize(const Image& image, std::size_t width, std::size_t height) {
  LICHEN_TRY(check_size(width, height, "resized picture"));
  Image out = image.width == width ? image : resize_rows(image, width);
  return out.height == height ? std::move(out) : resize_columns(out, height);
}

}  // namespace lichen::signal
