// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/conv2d.hpp"
#include "kernels/avx2/requantize.hpp"
#include "kernels/avx2/tiles.hpp"

namespace lichen::kernels::avx2 {
namespace {

// Sums of products of i16 pairs; what becomes of them is the Output's.
template <typename Output>
struct IntegerTile {
  const PatternView& pattern;
  const std::int16_t* image;
  const std::int16_t* packed;
  Output output;

  template <int kRows, int kVectors>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const std::int16_t* rows[kRows];
    walk.next(image, rows);
    const Index pairs = (pattern.length + 1) / 2;
    const std::int16_t* weights = packed + channel * pattern.count * pairs * 2;
    __m256i sums[kRows][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      for (int r = 0; r < kRows; ++r) sums[r][v] = output.start(channel + 8 * v);
    }
    for (Index s = 0; s < pattern.count; ++s) {
      const Index offset = pattern.offsets[s];
      for (Index k = 0; k < pairs; ++k, weights += 16 * kVectors) {
        __m256i b[kVectors];
        for (int v = 0; v < kVectors; ++v) b[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights + 16 * v));
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          std::int32_t pair;
          __builtin_memcpy(&pair, rows[r] + offset + 2 * k, sizeof pair);
          const __m256i a = _mm256_set1_epi32(pair);
          for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(a, b[v]));
        }
      }
    }
    for (int r = 0; r < kRows; ++r) output.template store<kVectors>(sums[r], pixel + r, channel);
  }
};

template <typename T>
struct Requantized {
  const IntegerOutput& o;
  Index units;
  Rows<T> out;

  [[nodiscard]] __m256i start(Index channel) const { return load(o.bias + channel); }

  [[nodiscard]] __m256i finish(__m256i sum, Index channel) const {
    const Lanes m{load(o.multipliers.values + channel), load(o.multipliers.lefts + channel),
                  load(o.multipliers.rights + channel)};
    const __m256i scaled = o.rounds_once ? multiply_rounding_once(sum, m) : multiply(sum, m);
    return clamp(_mm256_add_epi32(scaled, _mm256_set1_epi32(o.zero_point)), _mm256_set1_epi32(o.clamp.min),
                 _mm256_set1_epi32(o.clamp.max));
  }

  template <int kVectors>
  void store(const __m256i (&sums)[kVectors], Index pixel, Index channel) const {
    const __m256i low = finish(sums[0], channel);
    __m256i high = low;
    if constexpr (kVectors == 2) high = finish(sums[1], channel + 8);
    // Packing works within halves: 0-3 8-11 | 4-7 12-15, put in order by the permutation.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
    const Index columns = units - channel;
    store_bytes(to_bytes<T>(words), out.at + pixel * out.step + channel, columns < 8 * kVectors ? columns : 8 * kVectors);
  }
};

struct Scaled {
  const float* scales;  // one an image
  Index pixels_an_image;
  const float* bias;
  FloatRange range;
  Index units;
  float* out;

  [[nodiscard]] __m256i start(Index) const { return _mm256_setzero_si256(); }

  template <int kVectors>
  void store(const __m256i (&sums)[kVectors], Index pixel, Index channel) const {
    const __m256 scale = _mm256_set1_ps(scales[pixel / pixels_an_image]);
    alignas(32) float all[8 * kVectors];
    for (int v = 0; v < kVectors; ++v) {
      // Not fused: the product is rounded before the bias is added, as in the reference kernel.
      const __m256 value =
          _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sums[v]), scale), _mm256_loadu_ps(bias + channel + 8 * v));
      _mm256_store_ps(all + 8 * v,
                      _mm256_min_ps(_mm256_set1_ps(range.max), _mm256_max_ps(_mm256_set1_ps(range.min), value)));
    }
    const Index columns = units - channel < 8 * kVectors ? units - channel : 8 * kVectors;
    __builtin_memcpy(out + pixel * units + channel, all, static_cast<std::size_t>(columns) * sizeof(float));
  }
};

}  // namespace

template <typename T>
void conv2d_i16(const PixelGrid& grid, const PatternView& pattern, const std::int16_t* image,
                const std::int16_t* packed, Index units, const Part& part, const IntegerOutput& output, Rows<T> out) {
  each_tile(grid, part, IntegerTile<Requantized<T>>{pattern, image, packed, {output, units, out}});
}

template void conv2d_i16(const PixelGrid&, const PatternView&, const std::int16_t*, const std::int16_t*, Index,
                         const Part&, const IntegerOutput&, Rows<std::int8_t>);
template void conv2d_i16(const PixelGrid&, const PatternView&, const std::int16_t*, const std::int16_t*, Index,
                         const Part&, const IntegerOutput&, Rows<std::uint8_t>);

void conv2d_hybrid(const PixelGrid& grid, const PatternView& pattern, const std::int16_t* image,
                   const std::int16_t* packed, Index units, const Part& part, const float* scales, const float* bias,
                   FloatRange range, float* out) {
  each_tile(grid, part,
            IntegerTile<Scaled>{pattern, image, packed, {scales, grid.height * grid.width, bias, range, units, out}});
}

}  // namespace lichen::kernels::avx2
