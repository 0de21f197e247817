// SPDX-License-Identifier: Apache-2.0
// Uncompressed Windows bitmaps: a file header of 14 bytes, an info header of at least 40, a palette, rows of 4-byte
// multiples from the bottom (or, with a negative height, from the top).
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "signal/decoders.hpp"

namespace lichen::signal {
namespace {

constexpr std::size_t kHeaderBytes = 54;

template <typename T>
T number_at(ByteView file, std::size_t at) {
  T value{};
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

std::unexpected<Error> bad(std::string_view name, std::string why, Code code = Code::kBadInput) {
  return fail(code, "cannot read picture", std::string(name), "BMP: " + why);
}

struct Layout {
  std::size_t width = 0, height = 0, stride = 0, pixels_at = 0, palette_at = 0, palette_count = 0;
  std::size_t bytes_a_pixel = 0;
  bool from_bottom = true;
};

Result<Layout> layout_of(ByteView file, std::string_view name) {
  if (file.size() < kHeaderBytes) return bad(name, fmt::format("{} bytes are too few for its headers", file.size()));
  Layout layout;
  const auto info_bytes = number_at<std::uint32_t>(file, 14);
  const auto width = number_at<std::int32_t>(file, 18);
  const auto height = number_at<std::int32_t>(file, 22);
  const auto bits = number_at<std::uint16_t>(file, 28);
  const auto compression = number_at<std::uint32_t>(file, 30);
  constexpr std::uint32_t kInfoBytesMin = 40;
  constexpr std::uint32_t kInfoBytesMax = 4096;
  if (info_bytes < kInfoBytesMin || info_bytes > kInfoBytesMax) return bad(name, fmt::format("a header of {} bytes", info_bytes), Code::kUnsupported);
  constexpr std::uint32_t kBitFields = 3;
  const bool plain = compression == 0 || (compression == kBitFields && bits == 32);
  if (!plain || (bits != 8 && bits != 24 && bits != 32))
    return bad(name, fmt::format("{} bits with compression {} are not read", bits, compression), Code::kUnsupported);
  if (width <= 0 || height == 0 || height == INT32_MIN) return bad(name, fmt::format("{} x {} pixels", width, height));
  layout.width = static_cast<std::size_t>(width);
  layout.from_bottom = height > 0;
  layout.height = static_cast<std::size_t>(height > 0 ? height : -height);
  LICHEN_TRY(check_size(layout.width, layout.height, name));
  layout.bytes_a_pixel = bits / 8U;
  layout.stride = (layout.width * layout.bytes_a_pixel + 3) / 4 * 4;
  layout.pixels_at = number_at<std::uint32_t>(file, 10);
  layout.palette_at = 14 + std::size_t{info_bytes};
  if (bits == 8) {
    const auto used = number_at<std::uint32_t>(file, 46);
    layout.palette_count = used == 0 || used > 256 ? 256 : used;
    if (layout.palette_at + layout.palette_count * 4 > file.size()) return bad(name, "its palette is cut off");
  }
  if (layout.pixels_at > file.size() || layout.stride * layout.height > file.size() - layout.pixels_at)
    return bad(name, fmt::format("{} x {} pixels at byte {} do not fit in {} bytes", layout.width, layout.height,
                                 layout.pixels_at, file.size()));
  return layout;
}

}  // namespace

Result<Image> decode_bmp(ByteView file, std::string_view name) {
  const Layout layout = LICHEN_TRY(layout_of(file, name));
  Image image{layout.width, layout.height, {}};
  image.pixels.reserve(layout.width * layout.height * 3);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.data());
  for (std::size_t y = 0; y < layout.height; ++y) {
    const std::size_t row = layout.from_bottom ? layout.height - 1 - y : y;
    const std::uint8_t* from = bytes + layout.pixels_at + row * layout.stride;
    for (std::size_t x = 0; x < layout.width; ++x, from += layout.bytes_a_pixel) {
      const std::uint8_t* blue = from;
      if (layout.bytes_a_pixel == 1) {
        if (*from >= layout.palette_count) return bad(name, fmt::format("colour {} of {}", *from, layout.palette_count));
        blue = bytes + layout.palette_at + std::size_t{*from} * 4;
      }
      image.pixels.insert(image.pixels.end(), {blue[2], blue[1], blue[0]});
    }
  }
  return image;
}

}  // namespace lichen::signal
