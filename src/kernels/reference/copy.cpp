// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/copy.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace lichen::kernels::reference {
namespace {

constexpr Index kVectorBytes = 16;

// Lanes of T in a vector register of any CPU that we run on.
template <typename T>
struct Lanes {
  static constexpr Index kCount = kVectorBytes / static_cast<Index>(sizeof(T));
  using Vector [[gnu::vector_size(kVectorBytes)]] = T;
};

// a0 b0 a1 b1 ..., of the lower or the upper halves of a and b.
template <typename T, std::size_t... I>
typename Lanes<T>::Vector interleave(typename Lanes<T>::Vector a, typename Lanes<T>::Vector b, int from,
                                     std::index_sequence<I...>) {
  using Vector = typename Lanes<T>::Vector;
  constexpr int kCount = static_cast<int>(sizeof...(I));
  if (from == 0)
    return Vector(__builtin_shufflevector(a, b, (static_cast<int>(I) / 2 + (static_cast<int>(I) % 2) * kCount)...));
  return Vector(
      __builtin_shufflevector(a, b, (kCount / 2 + static_cast<int>(I) / 2 + (static_cast<int>(I) % 2) * kCount)...));
}

// A square of kCount x kCount elements, by interleaving rows half a square apart until all have met.
template <typename T>
void transpose_square(const std::byte* in, Index in_step, std::byte* out, Index out_step) {
  using Vector = typename Lanes<T>::Vector;
  constexpr Index kCount = Lanes<T>::kCount;
  constexpr auto kIndices = std::make_index_sequence<static_cast<std::size_t>(kCount)>{};
  std::array<Vector, static_cast<std::size_t>(kCount)> rows;
  for (Index i = 0; i < kCount; ++i) std::memcpy(&rows[static_cast<std::size_t>(i)], in + i * in_step, kVectorBytes);
  for (Index round = 1; round < kCount; round *= 2) {
    std::array<Vector, static_cast<std::size_t>(kCount)> next;
    for (std::size_t i = 0; i < static_cast<std::size_t>(kCount) / 2; ++i) {
      next[2 * i] = interleave<T>(rows[i], rows[i + static_cast<std::size_t>(kCount) / 2], 0, kIndices);
      next[2 * i + 1] = interleave<T>(rows[i], rows[i + static_cast<std::size_t>(kCount) / 2], 1, kIndices);
    }
    rows = next;
  }
  for (Index i = 0; i < kCount; ++i) std::memcpy(out + i * out_step, &rows[static_cast<std::size_t>(i)], kVectorBytes);
}

// out[x][y] = in[y][x]: along x neighbours in `in` lie together, along y those in `out`.
struct Plane {
  Index nx = 0, out_step = 0;  // bytes from x to x + 1 in out
  Index ny = 0, in_step = 0;   // bytes from y to y + 1 in in
};

template <typename T>
void transpose_block(const std::byte* in, std::byte* out, const Plane& p, Index x0, Index x1, Index y0, Index y1) {
  constexpr Index kSize = sizeof(T);
  constexpr Index kCount = Lanes<T>::kCount;
  const Index x_whole = x0 + (x1 - x0) / kCount * kCount;
  const Index y_whole = y0 + (y1 - y0) / kCount * kCount;
  for (Index x = x0; x < x_whole; x += kCount) {
    for (Index y = y0; y < y_whole; y += kCount)
      transpose_square<T>(in + y * p.in_step + x * kSize, p.in_step, out + x * p.out_step + y * kSize, p.out_step);
  }
  const auto one = [&](Index x, Index y) {
    std::memcpy(out + x * p.out_step + y * kSize, in + y * p.in_step + x * kSize, kSize);
  };
  for (Index x = x0; x < x_whole; ++x) {
    for (Index y = y_whole; y < y1; ++y) one(x, y);
  }
  for (Index x = x_whole; x < x1; ++x) {
    for (Index y = y0; y < y1; ++y) one(x, y);
  }
}

// Blocks that the first cache holds on both sides.
template <typename T>
void transpose_plane(const std::byte* in, std::byte* out, const Plane& p) {
  constexpr Index kBlock = 4 * 64 / static_cast<Index>(sizeof(T));
  constexpr Index kBlockX = 16;
  if (transpose_thin<T>(in, out, p)) return;
  for (Index y = 0; y < p.ny; y += kBlock) {
    for (Index x = 0; x < p.nx; x += kBlockX)
      transpose_block<T>(in, out, p, x, std::min(x + kBlockX, p.nx), y, std::min(y + kBlock, p.ny));
  }
}

// Planes that are a few elements thin, as pixels of few channels and shuffled groups are: kCount rows become one, element
// by element, or one becomes kCount. Plain loops, which the compiler turns into vectors.
template <typename T, Index kCount>
void interleave(const std::byte* in, Index in_step, Index length, std::byte* out) {
  using Element [[gnu::may_alias]] = T;
  auto* __restrict to = reinterpret_cast<Element*>(out);
  std::array<const Element*, static_cast<std::size_t>(kCount)> rows;
  for (std::size_t r = 0; r < rows.size(); ++r)
    rows[r] = reinterpret_cast<const Element*>(in + static_cast<Index>(r) * in_step);
  for (Index i = 0; i < length; ++i) {
    for (std::size_t r = 0; r < rows.size(); ++r) to[i * kCount + static_cast<Index>(r)] = rows[r][i];
  }
}
template <typename T, Index kCount>
void deinterleave(const std::byte* in, Index length, std::byte* out, Index out_step) {
  using Element [[gnu::may_alias]] = T;
  const auto* from = reinterpret_cast<const Element*>(in);
  for (Index r = 0; r < kCount; ++r) {
    auto* __restrict row = reinterpret_cast<Element*>(out + r * out_step);
    for (Index i = 0; i < length; ++i) row[i] = from[i * kCount + r];
  }
}

// False: the plane is no thin one.
template <typename T>
bool transpose_thin(const std::byte* in, std::byte* out, const Plane& p) {
  constexpr Index kSize = sizeof(T);
  if (p.out_step == p.ny * kSize) {
    if (p.ny == 2) return interleave<T, 2>(in, p.in_step, p.nx, out), true;
    if (p.ny == 3) return interleave<T, 3>(in, p.in_step, p.nx, out), true;
    if (p.ny == 4) return interleave<T, 4>(in, p.in_step, p.nx, out), true;
  }
  if (p.in_step == p.nx * kSize) {
    if (p.nx == 2) return deinterleave<T, 2>(in, p.ny, out, p.out_step), true;
    if (p.nx == 3) return deinterleave<T, 3>(in, p.ny, out, p.out_step), true;
    if (p.nx == 4) return deinterleave<T, 4>(in, p.ny, out, p.out_step), true;
  }
  return false;
}

template <typename T>
void copy_line(const CopyAxis& axis, const std::byte* in, std::byte* out) {
  T element;
  for (Index i = 0; i < axis.size; ++i) {
    std::memcpy(&element, in + i * axis.in_step, sizeof(T));
    std::memcpy(out + i * axis.out_step, &element, sizeof(T));
  }
}

struct Bytes16 {
  std::array<std::uint64_t, 2> value;
};

// One axis of runs. Sizes that a register holds are worth their own loop.
void copy_runs(const CopyAxis& axis, Index run, const std::byte* in, std::byte* out) {
  switch (run) {
    case 1:
      return copy_line<std::uint8_t>(axis, in, out);
    case 2:
      return copy_line<std::uint16_t>(axis, in, out);
    case 4:
      return copy_line<std::uint32_t>(axis, in, out);
    case 8:
      return copy_line<std::uint64_t>(axis, in, out);
    case 16:
      return copy_line<Bytes16>(axis, in, out);
    default:
      break;
  }
  for (Index i = 0; i < axis.size; ++i)
    std::memcpy(out + i * axis.out_step, in + i * axis.in_step, static_cast<std::size_t>(run));
}

bool transposes(const Copy& c) {
  if (c.rank < 2) return false;
  const CopyAxis& x = c.axes[c.rank - 2];
  const CopyAxis& y = c.axes[c.rank - 1];
  const bool sized = c.run == 1 || c.run == 2 || c.run == 4 || c.run == 8;
  return sized && x.in_step == c.run && y.out_step == c.run;
}

void copy_planes(const Copy& c, const std::byte* in, std::byte* out) {
  const CopyAxis& x = c.axes[c.rank - 2];
  const CopyAxis& y = c.axes[c.rank - 1];
  const Plane plane{x.size, x.out_step, y.size, y.in_step};
  switch (c.run) {
    case 1:
      return transpose_plane<std::uint8_t>(in, out, plane);
    case 2:
      return transpose_plane<std::uint16_t>(in, out, plane);
    case 4:
      return transpose_plane<std::uint32_t>(in, out, plane);
    default:
      return transpose_plane<std::uint64_t>(in, out, plane);
  }
}

void copy_axis(const Copy& c, std::size_t at, std::size_t inner, const std::byte* in, std::byte* out) {
  if (at + inner == c.rank) {
    if (inner == 2) return copy_planes(c, in, out);
    return copy_runs(c.axes[at], c.run, in, out);
  }
  const CopyAxis& axis = c.axes[at];
  for (Index i = 0; i < axis.size; ++i) copy_axis(c, at + 1, inner, in + i * axis.in_step, out + i * axis.out_step);
}

// Puts the axis along which input neighbours lie together just outside of the innermost one.
void bring_plane_inside(Copy& c) {
  if (c.rank < 3 || c.axes[c.rank - 1].in_step == c.run) return;
  for (std::size_t i = c.rank - 2; i-- > 0;) {
    if (c.axes[i].in_step != c.run) continue;
    std::rotate(c.axes.begin() + static_cast<std::ptrdiff_t>(i), c.axes.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                c.axes.begin() + static_cast<std::ptrdiff_t>(c.rank) - 1);
    return;
  }
}

}  // namespace

Index Copy::bytes_a_part() const {
  Index bytes = run;
  for (std::size_t i = 1; i < rank; ++i) bytes *= axes[i].size;
  return bytes;
}

Copy copy_of(std::span<const CopyAxis> axes, Index element_bytes, Index in_offset, Index out_offset) {
  Copy c;
  c.run = element_bytes;
  c.in_offset = in_offset;
  c.out_offset = out_offset;
  for (const CopyAxis& axis : axes) {
    if (axis.size == 0) return {};
    if (axis.size == 1) continue;
    if (c.rank > 0) {
      CopyAxis& before = c.axes[c.rank - 1];
      if (before.in_step == axis.in_step * axis.size && before.out_step == axis.out_step * axis.size) {
        before = {before.size * axis.size, axis.in_step, axis.out_step};
        continue;
      }
    }
    LICHEN_ASSERT(c.rank < kCopyAxesMax);
    c.axes[c.rank++] = axis;
  }
  if (c.rank > 0 && c.axes[c.rank - 1].in_step == c.run && c.axes[c.rank - 1].out_step == c.run)
    c.run *= c.axes[--c.rank].size;
  bring_plane_inside(c);
  return c;
}

void copy(const Copy& c, const std::byte* in, std::byte* out, Index begin, Index end) {
  if (c.run == 0 || begin >= end) return;
  in += c.in_offset;
  out += c.out_offset;
  if (c.rank == 0) {
    std::memcpy(out, in, static_cast<std::size_t>(c.run));
    return;
  }
  Copy part = c;
  part.axes[0].size = end - begin;
  copy_axis(part, 0, transposes(c) ? 2 : 1, in + begin * c.axes[0].in_step, out + begin * c.axes[0].out_step);
}

void fill(const std::byte* value, Index bytes, Index count, std::byte* out) {
  copy_runs({count, 0, bytes}, bytes, value, out);
}

}  // namespace lichen::kernels::reference
