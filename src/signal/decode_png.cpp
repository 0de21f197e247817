// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include <spng.h>

#include "signal/decoders.hpp"

namespace lichen::signal {
namespace {

std::unexpected<Error> bad(std::string_view name, int error) {
  return fail(Code::kBadInput, "cannot read picture", std::string(name), std::string("PNG: ") + ::spng_strerror(error));
}

struct FreeContext {
  void operator()(spng_ctx* context) const { ::spng_ctx_free(context); }
};

}  // namespace

Result<Image> decode_png(ByteView file, std::string_view name) {
  const std::unique_ptr<spng_ctx, FreeContext> context(::spng_ctx_new(0));
  if (context == nullptr) return fail(Code::kExhausted, "cannot read picture", std::string(name), "no memory");
  constexpr std::size_t kChunkBytesMax = std::size_t{16} << 20;
  ::spng_set_image_limits(context.get(), kImageSideMax, kImageSideMax);
  ::spng_set_chunk_limits(context.get(), kChunkBytesMax, 2 * kChunkBytesMax);
  if (const int error = ::spng_set_png_buffer(context.get(), file.data(), file.size()); error != 0) return bad(name, error);
  spng_ihdr header{};
  if (const int error = ::spng_get_ihdr(context.get(), &header); error != 0) return bad(name, error);
  LICHEN_TRY(check_size(header.width, header.height, name));
  std::size_t bytes = 0;
  if (const int error = ::spng_decoded_image_size(context.get(), SPNG_FMT_RGBA8, &bytes); error != 0) return bad(name, error);
  std::vector<std::uint8_t> rgba(bytes);
  if (const int error = ::spng_decode_image(context.get(), rgba.data(), bytes, SPNG_FMT_RGBA8, SPNG_DECODE_TRNS);
      error != 0)
    return bad(name, error);
  Image image{header.width, header.height, {}};
  image.pixels.reserve(image.width * image.height * 3);
  for (std::size_t at = 0; at + 3 < rgba.size(); at += 4) {
    for (std::size_t c = 0; c < 3; ++c)
      image.pixels.push_back(static_cast<std::uint8_t>((rgba[at + c] * rgba[at + 3] + 127) / 255));
  }
  return image;
}

}  // namespace lichen::signal
