// SPDX-License-Identifier: Apache-2.0
// Pictures from files, and from pictures what models take. Files are hostile: whatever the bytes are, the answer is a
// picture or an error, and never more memory than the limits allow.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace lichen::signal {

inline constexpr std::size_t kImageSideMax = 16'384;                         // pixels
inline constexpr std::size_t kImagePixelsMax = std::size_t{64} * 1024 * 1024;

// RGB, 8 bits a channel, rows from the top, no padding: [height, width, 3].
struct Image {
  std::size_t width = 0;
  std::size_t height = 0;
  std::vector<std::uint8_t> pixels;
};

// PNG (all kinds; transparency is laid over black), JPEG (baseline and progressive, grey and colour) and BMP (8 bits with
// a palette, 24 and 32 bits, either row order), told by their first bytes. `name` is for errors. kBadInput: none of
// these, or damaged; kUnsupported: a kind of BMP that is not read; kExhausted: larger than the limits.
[[nodiscard]] Result<Image> decode_image(ByteView file, std::string_view name);

// The whole picture in another size: the triangle filter over every source pixel that an output pixel covers (what
// photo tools call bilinear; the same weights and 8-bit rounding as Pillow's BILINEAR). Sizes of 1 to kImageSideMax.
[[nodiscard]] Result<Image> resize(const Image& image, std::size_t width, std::size_t height);

}  // namespace lichen::signal
