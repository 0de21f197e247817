// SPDX-License-Identifier: Apache-2.0
#include "tensor/quantization.hpp"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace lichen::tensor {

float Quantization::scale(std::size_t c) const {
  LICHEN_ASSERT(!scales.empty());
  return scales[scales.size() == 1 ? 0 : c];
}

std::int32_t Quantization::zero_point(std::size_t c) const {
  LICHEN_ASSERT(!zero_points.empty());
  return zero_points[zero_points.size() == 1 ? 0 : c];
}

Quantization per_tensor(float scale, std::int32_t zero_point) {
  return {{scale}, {zero_point}, 0};
}

IntegerRange range_of(DType dtype) {
  switch (dtype) {
    case DType::kI8:
      return {-128, 127};
    case DType::kU8:
      return {0, 255};
    case DType::kI16:
      return {-32768, 32767};
    default:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  }
}

Result<void> check(const Quantization& quantization, DType dtype, const Shape& shape, std::string_view where) {
  const auto bad = [&](std::string why) {
    return fail(Code::kBadInput, "bad quantization", std::string(where), std::move(why));
  };
  if (quantization.empty()) {
    if (!quantization.zero_points.empty()) return bad("zero points without scales");
    return {};
  }
  if (quantization.zero_points.size() != quantization.scales.size()) {
    return bad(
        fmt::format("{} scales but {} zero points", quantization.scales.size(), quantization.zero_points.size()));
  }
  if (quantization.per_channel()) {
    if (quantization.axis >= shape.rank())
      return bad(fmt::format("axis {} of a tensor of rank {}", quantization.axis, shape.rank()));
    if (static_cast<std::size_t>(shape[quantization.axis]) != quantization.scales.size()) {
      return bad(fmt::format("{} scales for {} channels", quantization.scales.size(), shape[quantization.axis]));
    }
  }
  const IntegerRange range = range_of(dtype);
  for (std::size_t c = 0; c < quantization.scales.size(); ++c) {
    const float scale = quantization.scales[c];
    if (!std::isfinite(scale) || scale <= 0.0F) return bad(fmt::format("scale {} of channel {}", scale, c));
    const std::int32_t zero_point = quantization.zero_points[c];
    if (zero_point < range.min || zero_point > range.max) {
      return bad(fmt::format("zero point {} of channel {} is outside of {}", zero_point, c, name_of(dtype)));
    }
  }
  return {};
}

}  // namespace lichen::tensor
