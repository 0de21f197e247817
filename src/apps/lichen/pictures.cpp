// SPDX-License-Identifier: Apache-2.0
#include "pictures.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "inputs.hpp"
#include "posix/files.hpp"
#include "signal/image.hpp"

namespace lichen::tool {
namespace {

using tensor::DType;

std::unexpected<Error> misfit(const std::string& path, std::string why, std::string hint = {}) {
  return fail(Code::kBadInput, "picture does not fit", path, std::move(why), std::move(hint));
}

struct Target {
  std::size_t width = 0, height = 0, channels = 0;
  bool channels_first = false;
};

Result<Target> target_of(const std::string& path, const engine::TensorInfo& input, const PictureOptions& options) {
  const tensor::Shape& shape = input.spec.shape;
  const auto dim = [&](std::size_t axis) { return static_cast<std::size_t>(shape[axis]); };
  if (!shape.known() || shape.rank() < 2 || shape.rank() > 4 || (shape.rank() == 4 && shape[0] != 1)) {
    return misfit(path, fmt::format("input '{}' of shape {} is not one picture", input.spec.name, shape.to_text()),
                  "give a .npy, .csv or .raw file");
  }
  if (shape.rank() == 2) return Target{dim(1), dim(0), 1, false};
  const std::size_t first = shape.rank() - 3;
  const auto is_colour = [](std::size_t channels) { return channels == 1 || channels == 3; };
  bool channels_first = options.layout == "nchw";
  if (options.layout.empty()) channels_first = is_colour(dim(first)) && !is_colour(dim(first + 2));
  Target target = channels_first ? Target{dim(first + 2), dim(first + 1), dim(first), true}
                                 : Target{dim(first + 1), dim(first), dim(first + 2), false};
  // Three dimensions without colours: a batch of one grey picture.
  if (shape.rank() == 3 && !is_colour(target.channels) && shape[0] == 1) return Target{dim(2), dim(1), 1, false};
  if (!is_colour(target.channels))
    return misfit(path, fmt::format("input '{}' has {} channels, a picture 1 or 3", input.spec.name, target.channels));
  return target;
}

Result<void> check_size(const std::string& path, const Target& target, const PictureOptions& options) {
  if (options.size.empty()) return {};
  std::size_t width = 0;
  std::size_t height = 0;
  const char* end = options.size.data() + options.size.size();
  const auto [x, e1] = std::from_chars(options.size.data(), end, width);
  const bool good = e1 == std::errc() && x != end && (*x == 'x' || *x == 'X') &&
                    std::from_chars(x + 1, end, height).ptr == end;
  if (!good) return fail(Code::kBadInput, "bad option", "--resize", fmt::format("'{}' is not WxH", options.size));
  if (width == target.width && height == target.height) return {};
  return misfit(path, fmt::format("--resize {} where the input takes {}x{}", options.size, target.width, target.height));
}

float of_channel(const std::vector<float>& values, std::size_t channel, float absent) {
  if (values.empty()) return absent;
  return values[std::min(channel, values.size() - 1)];
}

}  // namespace

bool is_picture(const std::string& path) {
  std::string ending = path.substr(std::min(path.rfind('.'), path.size()));
  std::ranges::transform(ending, ending.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg" || ending == ".bmp";
}

Result<Bytes> read_picture(const std::string& path, const engine::TensorInfo& input, const PictureOptions& options) {
  const Target target = LICHEN_TRY(target_of(path, input, options));
  LICHEN_TRY(check_size(path, target, options));
  const Bytes file = LICHEN_TRY(posix::read_file(path, kInputBytesMax));
  const signal::Image decoded = LICHEN_TRY(signal::decode_image(file, path));
  const signal::Image image = LICHEN_TRY(signal::resize(decoded, target.width, target.height));
  const bool normalizes = !options.mean.empty() || !options.deviation.empty() || options.scale.has_value();
  std::vector<float> values(target.width * target.height * target.channels);
  const std::size_t pixels = target.width * target.height;
  for (std::size_t p = 0; p < pixels; ++p) {
    const std::uint8_t* rgb = image.pixels.data() + 3 * p;
    for (std::size_t c = 0; c < target.channels; ++c) {
      float value = 0;
      if (target.channels == 1) {  // the luma of ITU-R 601, as picture tools make grey
        value = std::floor((299.0F * rgb[0] + 587.0F * rgb[1] + 114.0F * rgb[2]) / 1000.0F);
      } else {
        value = static_cast<float>(rgb[options.bgr ? 2 - c : c]);
      }
      if (normalizes) {
        value = (value - of_channel(options.mean, c, 0.0F)) / of_channel(options.deviation, c, 1.0F) *
                options.scale.value_or(1.0F);
      }
      values[target.channels_first ? c * pixels + p : p * target.channels + c] = value;
    }
  }
  if (normalizes) return bytes_from_floats(values, input, path);
  engine::TensorInfo as_stored = input;
  as_stored.quantization = {};
  if (input.spec.dtype == DType::kI8) {
    for (float& value : values) value -= 128.0F;
  }
  return bytes_from_floats(values, as_stored, path);
}

}  // namespace lichen::tool
