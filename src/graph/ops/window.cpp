// SPDX-License-Identifier: Apache-2.0
#include "graph/ops/window.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"

namespace lichen::graph {

namespace {
constexpr std::int64_t kWindowMax = 1 << 15;  // filter, stride and dilation: products stay far below 2^63
}

Result<Window> window_of(std::int64_t in, const WindowRule& rule) {
  for (const std::int64_t value : {rule.filter, rule.stride, rule.dilation}) {
    if (value < 1 || value > kWindowMax) {
      return bad_attribute(fmt::format("filter {}, stride {}, dilation {}: each must be 1 to {}", rule.filter,
                                       rule.stride, rule.dilation, kWindowMax));
    }
  }
  const std::int64_t extent = (rule.filter - 1) * rule.dilation + 1;
  if (rule.padding == Padding::kSame || rule.padding == Padding::kSameLower) {
    const std::int64_t out = (in + rule.stride - 1) / rule.stride;
    const std::int64_t pad = std::max<std::int64_t>(0, (out - 1) * rule.stride + extent - in);
    return Window{out, rule.padding == Padding::kSame ? pad / 2 : pad - pad / 2};
  }
  const bool pads = rule.padding == Padding::kExplicit;
  const std::int64_t before = pads ? rule.before : 0;
  const std::int64_t after = pads ? rule.after : 0;
  for (const std::int64_t pad : {before, after}) {
    if (pad < 0 || pad > kWindowMax) return bad_attribute(fmt::format("padding {}: must be 0 to {}", pad, kWindowMax));
  }
  const std::int64_t room = in + before + after - extent;
  if (room < 0) {
    return bad_attribute(fmt::format("a window of {} over {} elements with padding {} and {}", extent, in, before, after));
  }
  std::int64_t out = room / rule.stride + 1;
  // A partial window counts unless it would begin in the padding at the end.
  if (pads && rule.ceil && room % rule.stride != 0 && out * rule.stride < in + before) ++out;
  return Window{out, before};
}

}  // namespace lichen::graph
