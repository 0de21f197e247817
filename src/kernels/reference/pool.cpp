// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/pool.hpp"

#include <array>
#include <cmath>

namespace lichen::kernels::reference {
namespace {

// The taps of a window along one axis: input positions first, first + dilation, ... `count` of them.
struct Taps {
  Index first = 0, dilation = 1, count = 0;
  Index counted = 0;  // those in the input or its padding
};

Taps taps_of(const Window3D& w, std::size_t axis, Index at) {
  const Index start = at * w.stride[axis] - w.pad[axis];
  const Index dilation = w.dilation[axis];
  const auto below = [&](Index limit) {  // taps at positions < limit
    return limit <= start ? 0 : std::min(w.filter[axis], (limit - start + dilation - 1) / dilation);
  };
  const Index skipped = below(0);
  return {start + skipped * dilation, dilation, std::max<Index>(0, below(w.in[axis]) - skipped),
          below(w.in[axis] + w.pad_after[axis])};
}

struct Cell {
  Index n = 0;
  std::array<Taps, 3> taps;
  [[nodiscard]] Index count() const { return taps[0].count * taps[1].count * taps[2].count; }
  [[nodiscard]] Index counted() const { return taps[0].counted * taps[1].counted * taps[2].counted; }
};

Cell cell_of(const Window3D& w, Index row) {
  Cell cell;
  for (std::size_t axis = 3; axis-- > 0;) {
    cell.taps[axis] = taps_of(w, axis, row % w.out[axis]);
    row /= w.out[axis];
  }
  cell.n = row;
  return cell;
}

// take(pixel position) for each tap in the input, in order.
template <typename Take>
void each_tap(const Window3D& w, const Cell& cell, Take take) {
  const auto& [d, h, x] = cell.taps;
  for (Index i = 0; i < d.count; ++i) {
    const Index plane = cell.n * w.in[0] + d.first + i * d.dilation;
    for (Index j = 0; j < h.count; ++j) {
      const Index line = plane * w.in[1] + h.first + j * h.dilation;
      for (Index k = 0; k < x.count; ++k) take(line * w.in[2] + x.first + k * x.dilation);
    }
  }
}

constexpr Index kChannelsAtOnce = 64;

// fold(sum, value) over the taps of every channel, some channels at once; finish(cell, position of out, folded).
template <typename Acc, typename T, typename Fold, typename Finish>
void pool(const Window3D& w, const T* in, Acc start, Rows rows, Fold fold, Finish finish) {
  std::array<Acc, kChannelsAtOnce> folded;
  for (Index row = rows.begin; row < rows.end; ++row) {
    const Cell cell = cell_of(w, row);
    for (Index c = 0; c < w.in_c; c += kChannelsAtOnce) {
      const Index channels = std::min(kChannelsAtOnce, w.in_c - c);
      folded.fill(start);
      each_tap(w, cell, [&](Index pixel) {
        const T* from = in + pixel * w.in_c + c;
        Acc* to = folded.data();
        for (Index i = 0; i < channels; ++i) to[i] = fold(to[i], from[i]);
      });
      for (Index i = 0; i < channels; ++i) finish(cell, row * w.in_c + c + i, folded[static_cast<std::size_t>(i)]);
    }
  }
}

// |x|^p of the orders that are worth it.
float power(float x, std::int32_t p) {
  const float a = std::abs(x);
  return p == 1 ? a : p == 2 ? a * a : std::pow(a, static_cast<float>(p));
}
float root(float x, std::int32_t p) {
  return p == 1 ? x : p == 2 ? std::sqrt(x) : std::pow(x, 1.0F / static_cast<float>(p));
}

}  // namespace

void average_pool(const Window3D& w, const float* in, bool counts_padding, FloatRange range, Rows rows, float* out) {
  pool(
      w, in, 0.0F, rows, [](float sum, float v) { return sum + v; },
      [&](const Cell& cell, Index at, float sum) {
        const auto count = static_cast<float>(std::max<Index>(1, counts_padding ? cell.counted() : cell.count()));
        out[at] = std::min(std::max(sum / count, range.min), range.max);
      });
}

void lp_pool(const Window3D& w, const float* in, std::int32_t p, Rows rows, float* out) {
  pool(
      w, in, 0.0F, rows, [p](float sum, float v) { return sum + power(v, p); },
      [&](const Cell&, Index at, float sum) { out[at] = root(sum, p); });
}

void max_pool(const Window3D& w, const float* in, FloatRange range, Rows rows, float* out) {
  pool(
      w, in, std::numeric_limits<float>::lowest(), rows, [](float most, float v) { return most < v ? v : most; },
      [&](const Cell&, Index at, float most) { out[at] = std::min(std::max(most, range.min), range.max); });
}

template <typename T>
void average_pool(const Window3D& w, const T* in, IntegerClamp clamp, Rows rows, T* out) {
  pool(
      w, in, std::int32_t{0}, rows, [](std::int32_t sum, T v) { return wrapping_add(sum, v); },
      [&](const Cell& cell, Index at, std::int32_t sum) {
        const Index count = std::max<Index>(1, cell.count());
        const Index half = sum > 0 ? count / 2 : -(count / 2);
        out[at] = static_cast<T>(std::clamp<Index>((sum + half) / count, clamp.min, clamp.max));
      });
}

template <typename T>
void average_pool_nearest_even(const Window3D& w, const T* in, const AverageEven& q, bool counts_padding, Rows rows,
                               T* out) {
  const auto lowest = static_cast<float>(q.clamp.min - q.out_zero_point);
  const auto highest = static_cast<float>(q.clamp.max - q.out_zero_point);
  pool(
      w, in, std::int32_t{0}, rows,
      [zero_point = q.in_zero_point](std::int32_t sum, T v) { return wrapping_add(sum, v - zero_point); },
      [&](const Cell& cell, Index at, std::int32_t sum) {
        const auto count = static_cast<float>(std::max<Index>(1, counts_padding ? cell.counted() : cell.count()));
        const float mean = std::nearbyint(static_cast<float>(sum) * q.scale / count);
        out[at] = static_cast<T>(static_cast<std::int32_t>(std::min(std::max(lowest, mean), highest)) + q.out_zero_point);
      });
}

template <typename T>
void max_pool(const Window3D& w, const T* in, IntegerClamp clamp, Rows rows, T* out) {
  pool(
      w, in, std::numeric_limits<T>::min(), rows, [](T most, T v) { return std::max(most, v); },
      [&](const Cell&, Index at, T most) {
        out[at] = static_cast<T>(std::clamp<std::int32_t>(most, clamp.min, clamp.max));
      });
}

template <typename T>
void max_pool_indices(const Window3D& w, const T* in, bool column_major, Rows rows, std::int64_t* out) {
  const Index plane = w.in[0] * w.in[1] * w.in[2];
  for (Index row = rows.begin; row < rows.end; ++row) {
    const Cell cell = cell_of(w, row);
    for (Index c = 0; c < w.in_c; ++c) {
      Index best = -1;
      each_tap(w, cell, [&](Index pixel) {
        if (best < 0 || in[best * w.in_c + c] < in[pixel * w.in_c + c]) best = pixel;
      });
      Index place = std::max<Index>(0, best - cell.n * plane);
      if (column_major) {
        const Index x = place % w.in[2];
        const Index y = place / w.in[2] % w.in[1];
        place = (place / (w.in[1] * w.in[2]) * w.in[2] + x) * w.in[1] + y;
      }
      out[row * w.in_c + c] = (cell.n * w.in_c + c) * plane + place;
    }
  }
}

template void average_pool(const Window3D&, const std::int8_t*, IntegerClamp, Rows, std::int8_t*);
template void average_pool(const Window3D&, const std::uint8_t*, IntegerClamp, Rows, std::uint8_t*);
template void average_pool_nearest_even(const Window3D&, const std::int8_t*, const AverageEven&, bool, Rows,
                                        std::int8_t*);
template void average_pool_nearest_even(const Window3D&, const std::uint8_t*, const AverageEven&, bool, Rows,
                                        std::uint8_t*);
template void max_pool(const Window3D&, const std::int8_t*, IntegerClamp, Rows, std::int8_t*);
template void max_pool(const Window3D&, const std::uint8_t*, IntegerClamp, Rows, std::uint8_t*);
template void average_pool(const Window3D&, const std::int16_t*, IntegerClamp, Rows, std::int16_t*);
template void max_pool(const Window3D&, const std::int16_t*, IntegerClamp, Rows, std::int16_t*);
template void max_pool_indices(const Window3D&, const float*, bool, Rows, std::int64_t*);
template void max_pool_indices(const Window3D&, const std::int8_t*, bool, Rows, std::int64_t*);
template void max_pool_indices(const Window3D&, const std::uint8_t*, bool, Rows, std::int64_t*);

}  // namespace lichen::kernels::reference
