// SPDX-License-Identifier: Apache-2.0
// A picture file into the bytes of an image input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "engine/session.hpp"

namespace lichen::tool {

struct PictureOptions {
  std::string size;                    // "WxH"; empty: what the input takes
  std::vector<float> mean, deviation;  // of each channel, or one for all: (pixel - mean) / deviation
  std::optional<float> scale;          // multiplies after that
  std::string layout;                  // "nhwc", "nchw"; empty: told from the input's shape
  bool bgr = false;
};

[[nodiscard]] bool is_picture(const std::string& path);

// Decoded, resized, normalized, and in the input's type. Without mean, deviation and scale the pixels go in as they are:
// 0 to 255 in f32 and u8, minus 128 in i8. With them the values are reals, which quantized inputs quantize.
[[nodiscard]] Result<Bytes> read_picture(const std::string& path, const engine::TensorInfo& input,
                                         const PictureOptions& options);

}  // namespace lichen::tool
