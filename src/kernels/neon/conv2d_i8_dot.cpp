// SPDX-License-Identifier: Apache-2.0
// Compiled for CPUs with the dot product instructions: everything here has internal linkage but its two entries.
#include "kernels/neon/conv2d.hpp"
#include "kernels/neon/integer_outputs.hpp"
#include "kernels/neon/tiles.hpp"

namespace lichen::kernels::neon {
namespace {

constexpr int kVectors = 4;     // of 4 channels: a panel of 16
constexpr Index kTogether = 4;  // elements that one lane multiplies and adds up

template <typename Output>
struct PanelTile {
  const PatternView& pattern;
  const BytesView& bytes;
  Output output;

  template <int kRows>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const std::int8_t* rows[kRows];
    walk.next(bytes.image, rows);
    int32x4_t sums[kRows][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const int32x4_t start = output.start(channel + 4 * v);
      for (int r = 0; r < kRows; ++r) sums[r][v] = start;
    }
    const Index length = (pattern.length + kTogether - 1) / kTogether * kTogether;
    const std::int8_t* weights = bytes.packed + channel * pattern.count * length;
    for (Index s = 0; s < pattern.count; ++s) add_segment(rows, pattern.offsets[s], weights, sums);
    for (int r = 0; r < kRows; ++r) output.store(sums[r], pixel + r, channel);
  }

  template <int kRows>
  void add_segment(const std::int8_t* const (&rows)[kRows], Index offset, const std::int8_t*& weights,
                   int32x4_t (&sums)[kRows][kVectors]) const {
    int8x16_t a[kRows];
    Index k = 0;
    for (; k + 16 <= pattern.length; k += 16) {
      for (int r = 0; r < kRows; ++r) a[r] = vld1q_s8(rows[r] + offset + k);
      step<kRows, 0>(a, weights, sums);
      step<kRows, 1>(a, weights, sums);
      step<kRows, 2>(a, weights, sums);
      step<kRows, 3>(a, weights, sums);
    }
    for (; k < pattern.length; k += kTogether) {
      for (int r = 0; r < kRows; ++r) a[r] = word_at(rows[r] + offset + k, pattern.length - k);
      step<kRows, 0>(a, weights, sums);
    }
  }

  // The next four bytes, or as many as there are, and zeros.
  static int8x16_t word_at(const std::int8_t* from, Index count) {
    std::int32_t word = 0;
    if (count >= kTogether) {
      __builtin_memcpy(&word, from, sizeof word);
    } else {
      __builtin_memcpy(&word, from, static_cast<std::size_t>(count));
    }
    return vreinterpretq_s8_s32(vdupq_n_s32(word));
  }

  template <int kRows, int kLane>
  static void step(const int8x16_t (&a)[kRows], const std::int8_t*& weights, int32x4_t (&sums)[kRows][kVectors]) {
    int8x16_t b[kVectors];
    for (int v = 0; v < kVectors; ++v) b[v] = vld1q_s8(weights + 16 * v);
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) sums[r][v] = vdotq_laneq_s32(sums[r][v], b[v], a[r], kLane);
    }
    weights += 16 * kVectors;
  }
};

template <typename Output>
void each_tile(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, const Part& part,
               Output output) {
  for (Index channel = part.unit_begin; channel < part.unit_end; channel += kPanel)
    each_pixel<4>(grid, part, channel, PanelTile<Output>{pattern, bytes, output});
}

}  // namespace

template <typename T>
void conv2d_i8_dot(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, Index units,
                   const Part& part, const IntegerOutput& output, Rows<T> out) {
  each_tile(grid, pattern, bytes, part, Requantized<T>{output, bytes.terms, units, out});
}

template void conv2d_i8_dot(const PixelGrid&, const PatternView&, const BytesView&, Index, const Part&,
                            const IntegerOutput&, Rows<std::int8_t>);
template void conv2d_i8_dot(const PixelGrid&, const PatternView&, const BytesView&, Index, const Part&,
                            const IntegerOutput&, Rows<std::uint8_t>);

void conv2d_hybrid_dot(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, Index units,
                       const Part& part, const HybridOutput& output, float* out) {
  each_tile(grid, pattern, bytes, part, Scaled{output, grid.height * grid.width, units, out});
}

}  // namespace lichen::kernels::neon
