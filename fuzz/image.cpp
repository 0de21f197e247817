// SPDX-License-Identifier: Apache-2.0
// Any bytes as a picture, and what came out of them resized.
#include <cstddef>
#include <cstdint>
#include <span>

#include "signal/image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = lichen::signal::decode_image(std::as_bytes(std::span(data, size)), "fuzz");
  if (image && image->width * image->height < 100'000) (void)lichen::signal::resize(*image, 8, 8);
  return 0;
}
