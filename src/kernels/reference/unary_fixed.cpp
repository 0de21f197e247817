// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/unary_fixed.hpp"

#include <fmt/format.h>

namespace lichen::kernels::reference {
namespace {

constexpr std::int32_t kMin16 = std::numeric_limits<std::int16_t>::min();
constexpr std::int32_t kMax16 = std::numeric_limits<std::int16_t>::max();

std::int32_t saturated16(std::int64_t x) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(x, kMin16, kMax16));
}

// The high half of 2 * a * b of 16 bits: rounded to nearest (ties upward), or towards zero.
std::int32_t high_multiply16(std::int32_t a, std::int32_t b) {
  return saturated16((std::int64_t{a} * b + (1 << 14)) >> 15);
}
std::int32_t high_multiply16_towards_zero(std::int32_t a, std::int32_t b) {
  return saturated16(std::int64_t{a} * b / (1 << 15));
}

std::int16_t upper_half(Multiplier m) {
  constexpr std::int32_t kHalf = 1 << 15;
  if (m.value >= std::numeric_limits<std::int32_t>::max() - kHalf) return static_cast<std::int16_t>(kMax16);
  return static_cast<std::int16_t>((m.value + kHalf) >> 16);
}

}  // namespace

std::int32_t leaky_relu_fixed(std::int32_t x, const LeakyReluFixed& q) {
  return multiply(x, x >= 0 ? q.identity : q.alpha);
}

Result<HardSwishFixed> hard_swish_of(float in_scale, float out_scale) {
  const float fine_scale = in_scale * (1.0F / 128.0F);
  const auto reluish = LICHEN_TRY(quantize_multiplier(double{fine_scale / (3.0F / 32768.0F)}));
  const auto out = LICHEN_TRY(quantize_multiplier(double{fine_scale / out_scale}));
  if (out.shift > 0 || out.shift < -15 || reluish.shift > 15 || reluish.shift < -15) {
    return fail(Code::kUnsupported, "bad scales", {},
                fmt::format("a hard swish from scale {} to {}", in_scale, out_scale));
  }
  return HardSwishFixed{upper_half(reluish), reluish.shift, upper_half(out), out.shift};
}

std::int32_t hard_swish_fixed(std::int32_t x, const HardSwishFixed& q) {
  const std::int32_t fine = x * 128;
  const std::int32_t preshift = high_multiply16(fine, q.out);
  const int left = std::max(q.reluish_exponent, 0);
  // The last bit of a shift to the left comes after the multiplication.
  std::int32_t reluish = left > 0 ? saturated16(std::int64_t{fine} << (left - 1)) : fine;
  reluish = high_multiply16(reluish, q.reluish);
  if (left > 0) reluish = saturated16(std::int64_t{reluish} * 2);
  reluish = rounding_divide_by_power_of_two(reluish, std::max(-q.reluish_exponent, 0));
  reluish = (reluish + (1 << 15)) >> 1;
  return rounding_divide_by_power_of_two(high_multiply16_towards_zero(reluish, preshift), -q.out_exponent);
}

}  // namespace lichen::kernels::reference
