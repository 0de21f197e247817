// SPDX-License-Identifier: Apache-2.0
#include "graph/ops/window.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"

namespace lichen::graph {

namespace {
constexpr std::int64_t kWindowMax = 1 << 15;  // filter, stride and dilation: products stay far below 2^63
}

Result<Window> window_of(std::int64_t in, std::int64_t filter, std::int64_t stride, std::int64_t dilation,
                         Padding padding) {
  for (const std::int64_t value : {filter, stride, dilation}) {
    if (value < 1 || value > kWindowMax) {
      return bad_attribute(
          fmt::format("filter {}, stride {}, dilation {}: each must be 1 to {}", filter, stride, dilation, kWindowMax));
    }
  }
  const std::int64_t extent = (filter - 1) * dilation + 1;
  if (padding == Padding::kValid) {
    if (extent > in) return bad_attribute(fmt::format("a window of {} over {} elements without padding", extent, in));
    return Window{(in - extent) / stride + 1, 0};
  }
  const std::int64_t out = (in + stride - 1) / stride;
  return Window{out, std::max<std::int64_t>(0, (out - 1) * stride + extent - in) / 2};
}

}  // namespace lichen::graph
