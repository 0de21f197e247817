// SPDX-License-Identifier: Apache-2.0
// One decoder a format. Internal to this folder.
#pragma once

#include "signal/image.hpp"

namespace lichen::signal {

[[nodiscard]] Result<void> check_size(std::size_t width, std::size_t height, std::string_view name);

[[nodiscard]] Result<Image> decode_png(ByteView file, std::string_view name);
[[nodiscard]] Result<Image> decode_jpeg(ByteView file, std::string_view name);
[[nodiscard]] Result<Image> decode_bmp(ByteView file, std::string_view name);

}  // namespace lichen::signal
