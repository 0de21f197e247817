// SPDX-License-Identifier: Apache-2.0
#include "kernels/fixed_point.hpp"

#include <cmath>

#include <fmt/format.h>

namespace lichen::kernels {

Result<Multiplier> quantize_multiplier(double real) {
  constexpr double kRealMax = 1 << 29;
  if (!(real >= 0.0 && real < kRealMax)) {
    return fail(Code::kUnsupported, "bad scales", {}, fmt::format("together they multiply by {}", real));
  }
  if (real == 0.0) return Multiplier{};
  int shift = 0;
  auto value =
      static_cast<std::int64_t>(std::round(std::frexp(real, &shift) * static_cast<double>(std::int64_t{1} << 31)));
  if (value == std::int64_t{1} << 31) {  // rounded up to 1.0
    value /= 2;
    ++shift;
  }
  if (shift < -31) return Multiplier{};  // below what 32 bits can show: zero
  return Multiplier{static_cast<std::int32_t>(value), shift};
}

}  // namespace lichen::kernels
