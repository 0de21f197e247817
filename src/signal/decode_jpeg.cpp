// SPDX-License-Identifier: Apache-2.0
// libjpeg reports errors by a function that must not return: it jumps back to the decoder, past frames that hold nothing
// but libjpeg's own state. Everything with a destructor lives outside of the function that is jumped into.
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <string>

#include <jpeglib.h>

#include "signal/decoders.hpp"

namespace lichen::signal {
namespace {

struct Handler {
  jpeg_error_mgr base;  // first, so that a pointer to it is one to this
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

void give_up(j_common_ptr info) {
  auto* handler = reinterpret_cast<Handler*>(info->err);
  info->err->format_message(info, handler->message);
  std::longjmp(handler->back, 1);
}

void say_nothing(j_common_ptr) {}

struct Size {
  std::size_t width = 0, height = 0;
};

// Reads the header, or with `pixels` all of it. False: damaged, and handler.message says how.
bool read(ByteView file, Handler& handler, Size& size, std::uint8_t* pixels) {
  jpeg_decompress_struct info;
  info.err = ::jpeg_std_error(&handler.base);
  handler.base.error_exit = give_up;
  handler.base.output_message = say_nothing;
  if (setjmp(handler.back) != 0) {
    ::jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  ::jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  ::jpeg_read_header(&info, TRUE);
  size = {info.image_width, info.image_height};
  if (pixels != nullptr) {
    info.out_color_space = JCS_RGB;
    ::jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = pixels + std::size_t{info.output_scanline} * info.output_width * 3;
      ::jpeg_read_scanlines(&info, &row, 1);
    }
    ::jpeg_finish_decompress(&info);
  }
  ::jpeg_destroy_decompress(&info);
  return true;
}

std::unexpected<Error> bad(std::string_view name, const Handler& handler) {
  return fail(Code::kBadInput, "cannot read picture", std::string(name), std::string("JPEG: ") + handler.message);
}

}  // namespace

Result<Image> decode_jpeg(ByteView file, std::string_view name) {
  Handler handler{};
  Size size;
  if (!read(file, handler, size, nullptr)) return bad(name, handler);
  LICHEN_TRY(check_size(size.width, size.height, name));
  Image image{size.width, size.height, std::vector<std::uint8_t>(size.width * size.height * 3)};
  if (!read(file, handler, size, image.pixels.data())) return bad(name, handler);
  return image;
}

}  // namespace lichen::signal
