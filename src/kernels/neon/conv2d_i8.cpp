// SPDX-License-Identifier: Apache-2.0
#include "kernels/dot_panels.hpp"
#include "kernels/neon/conv2d.hpp"
#include "kernels/neon/integer_outputs.hpp"
#include "kernels/neon/tiles.hpp"

namespace lichen::kernels::neon {
namespace {

constexpr int kChannels = static_cast<int>(kDot8Panel);

// Partial sums of one pixel for kChannels channels; the four lanes of each are added up at the end.
struct Sums {
  int32x4_t of[kChannels];
};

// kPaired: no weight is -128, so two products of i8 fit i16 together.
template <bool kPaired>
inline int32x4_t add_16(int32x4_t sum, int8x16_t a, int8x16_t b) {
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
  if constexpr (kPaired) return vpadalq_s16(sum, vmlal_high_s8(low, a, b));
  return vpadalq_s16(vpadalq_s16(sum, low), vmull_high_s8(a, b));
}

template <bool kPaired, typename Output>
struct DotTile {
  const PatternView& pattern;
  const BytesView& bytes;
  Output output;

  template <int kRows>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const std::int8_t* rows[kRows];
    walk.next(bytes.image, rows);
    Sums sums[kRows];
    for (Sums& row : sums) {
      for (int32x4_t& sum : row.of) sum = vdupq_n_s32(0);
    }
    const std::int8_t* weights = bytes.packed + channel * pattern.count * dot8_length(pattern.length);
    for (Index s = 0; s < pattern.count; ++s) add_segment(rows, pattern.offsets[s], weights, sums);
    const int32x4_t start = output.start(channel);
    for (int r = 0; r < kRows; ++r) {
      const int32x4_t together[1] = {vaddq_s32(
          start, vpaddq_s32(vpaddq_s32(sums[r].of[0], sums[r].of[1]), vpaddq_s32(sums[r].of[2], sums[r].of[3])))};
      output.store(together, pixel + r, channel);
    }
  }

  template <int kRows>
  void add_segment(const std::int8_t* const (&rows)[kRows], Index offset, const std::int8_t*& weights,
                   Sums (&sums)[kRows]) const {
    int8x16_t a[kRows];
    Index k = 0;
    for (; k + 16 <= pattern.length; k += 16) {
      for (int r = 0; r < kRows; ++r) a[r] = vld1q_s8(rows[r] + offset + k);
      add_block(a, weights, sums);
    }
    const Index rest = pattern.length - k;
    if (rest == 0) return;
    for (int r = 0; r < kRows; ++r) {
      std::int8_t last[16] = {};
      __builtin_memcpy(last, rows[r] + offset + k, static_cast<std::size_t>(rest));
      a[r] = vld1q_s8(last);
    }
    if (rest > 8) {
      add_block(a, weights, sums);
    } else {
      add_half_block(a, weights, sums);
    }
  }

  template <int kRows>
  static void add_block(const int8x16_t (&a)[kRows], const std::int8_t*& weights, Sums (&sums)[kRows]) {
    for (int c = 0; c < kChannels; ++c, weights += 16) {
      const int8x16_t b = vld1q_s8(weights);
      for (int r = 0; r < kRows; ++r) sums[r].of[c] = add_16<kPaired>(sums[r].of[c], a[r], b);
    }
  }

  template <int kRows>
  static void add_half_block(const int8x16_t (&a)[kRows], const std::int8_t*& weights, Sums (&sums)[kRows]) {
    for (int c = 0; c < kChannels; ++c, weights += 8) {
      const int8x8_t b = vld1_s8(weights);
      for (int r = 0; r < kRows; ++r) sums[r].of[c] = vpadalq_s16(sums[r].of[c], vmull_s8(vget_low_s8(a[r]), b));
    }
  }
};

template <bool kPaired, typename Output>
void each_tile(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, const Part& part,
               Output output) {
  for (Index channel = part.unit_begin; channel < part.unit_end; channel += kDot8Panel)
    each_pixel<4>(grid, part, channel, DotTile<kPaired, Output>{pattern, bytes, output});
}

template <typename Output>
void each_tile(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, bool paired, const Part& part,
               Output output) {
  paired ? each_tile<true>(grid, pattern, bytes, part, output) : each_tile<false>(grid, pattern, bytes, part, output);
}

}  // namespace

template <typename T>
void conv2d_i8(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, bool paired, Index units,
               const Part& part, const IntegerOutput& output, Rows<T> out) {
  each_tile(grid, pattern, bytes, paired, part, Requantized<T>{output, bytes.terms, units, out});
}

template void conv2d_i8(const PixelGrid&, const PatternView&, const BytesView&, bool, Index, const Part&,
                        const IntegerOutput&, Rows<std::int8_t>);
template void conv2d_i8(const PixelGrid&, const PatternView&, const BytesView&, bool, Index, const Part&,
                        const IntegerOutput&, Rows<std::uint8_t>);

void conv2d_hybrid(const PixelGrid& grid, const PatternView& pattern, const BytesView& bytes, bool paired, Index units,
                   const Part& part, const HybridOutput& output, float* out) {
  each_tile(grid, pattern, bytes, paired, part, Scaled{output, grid.height * grid.width, units, out});
}

void pixel_terms(const PixelGrid& grid, const PatternView& pattern, const std::int8_t* image, const Part& part,
                 std::int32_t factor, std::int32_t less, std::int32_t* terms) {
  PixelWalk walk(grid, part.pixel_begin);
  for (Index pixel = part.pixel_begin; pixel < part.pixel_end; ++pixel) {
    const std::int8_t* rows[1];
    walk.next(image, rows);
    std::int32_t sum = 0;
    for (Index s = 0; s < pattern.count; ++s) {
      const std::int8_t* from = rows[0] + pattern.offsets[s];
      Index k = 0;
      for (; k + 16 <= pattern.length; k += 16) sum += vaddlvq_s8(vld1q_s8(from + k));
      for (; k < pattern.length; ++k) sum += from[k];
    }
    terms[pixel] = static_cast<std::int32_t>(static_cast<std::uint32_t>(factor) *
                                             (static_cast<std::uint32_t>(sum) - static_cast<std::uint32_t>(less)));
  }
}

}  // namespace lichen::kernels::neon
