// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/movement.hpp"

#include <algorithm>
#include <cstring>

namespace lichen::kernels::reference {

void reverse_sequence(const Sequences& s, Index i, Index length, const std::byte* in, std::byte* out) {
  std::array<CopyAxis, tensor::kRankMax> axes = s.axes;
  const std::span<const CopyAxis> used = std::span<const CopyAxis>(axes).first(s.rank);
  const Index start = i * s.axes[s.batch].in_step;
  const Index step = s.axes[s.time].in_step;
  axes[s.batch].size = 1;
  axes[s.time] = {length, -step, step};
  const Copy reversed = copy_of(used, s.element, start + (length - 1) * step, start);
  copy(reversed, in, out, 0, reversed.parts());
  axes[s.time] = {s.axes[s.time].size - length, step, step};
  const Copy rest = copy_of(used, s.element, start + length * step, start + length * step);
  copy(rest, in, out, 0, rest.parts());
}

void trilu(const Triangle& t, std::int64_t k, const std::byte* in, std::byte* out) {
  k = std::clamp<std::int64_t>(k, -t.rows, t.columns);
  const auto row_bytes = static_cast<std::size_t>(t.columns * t.element);
  for (Index row = 0; row < t.matrices * t.rows; ++row) {
    const Index i = row % t.rows;
    const Index first = t.upper ? std::clamp<Index>(i + k, 0, t.columns) : 0;
    const Index last = t.upper ? t.columns : std::clamp<Index>(i + k + 1, 0, t.columns);
    const std::byte* from = in + row * t.columns * t.element;
    std::byte* to = out + row * t.columns * t.element;
    if (row_bytes > 0) std::memset(to, 0, row_bytes);
    if (last > first)
      std::memcpy(to + first * t.element, from + first * t.element,
                  static_cast<std::size_t>((last - first) * t.element));
  }
}

}  // namespace lichen::kernels::reference
