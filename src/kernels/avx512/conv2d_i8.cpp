// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx512/conv2d.hpp"
#include "kernels/avx512/lanes.hpp"
#include "kernels/avx512/requantize.hpp"
#include "kernels/avx512/tiles.hpp"

namespace lichen::kernels::avx512 {
namespace {

constexpr Index kTogether = 4;  // elements that vpdpbusd multiplies and adds up in one lane
constexpr int kSignBits = static_cast<int>(0x80808080U);

// What unsigns the image's bytes.
inline __m512i flip_of(bool flip) {
  return _mm512_set1_epi32(flip ? kSignBits : 0);
}

// The last 1 to 3 bytes of a segment in every lane; the weights beyond them are 0.
inline __m512i last_bytes(const std::uint8_t* at, __mmask16 there) {
  return _mm512_broadcastd_epi32(_mm_maskz_loadu_epi8(there, at));
}

constexpr int kGroup = 4;  // vectors that are packed together

// Stores kPanels times 16 bytes of one pixel, of which `columns` are there.
template <int kPanels>
inline void store_panels(const __m128i* chunks, void* to, Index columns) {
  for (int v = 0; v < kPanels; ++v) {
    auto* at = static_cast<std::uint8_t*>(to) + kPanel * v;
    const Index left = columns - kPanel * v;
    if (left >= kPanel) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(at), chunks[v]);
    } else {
      _mm_mask_storeu_epi8(at, static_cast<__mmask16>((1U << left) - 1), chunks[v]);
    }
  }
}

// What follows the sums. kSlow is rare or has few pixels, and gets smaller tiles.
enum class After : std::uint8_t { kBounded, kByFloat, kSlow };

template <After kAfter>
struct ByteTile {
  static constexpr int kTileRows = kAfter == After::kSlow ? 4 : kRowsMax;
  const PatternView& pattern;
  const std::uint8_t* image;
  const BytesView& packed;
  Index units;
  Rows<std::uint8_t> out;

  [[nodiscard]] Index depth() const {  // bytes of a channel's weights
    return pattern.count * ((pattern.length + kTogether - 1) / kTogether) * kTogether;
  }
  [[nodiscard]] const std::int32_t* parts(Index channel) const { return packed.lanes + channel * kLaneParts; }

  template <int kRows, int kPanels>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const std::uint8_t* rows[kRows];
    walk.next(image, rows);
    __m512i sums[(kRows * kPanels + kGroup - 1) / kGroup * kGroup];
    sum<kRows, kPanels>(rows, pixel, channel, sums);
    store<kPanels>(sums, kRows, pixel, channel);
  }

  // Once for tiles of all heights: unrolled into each, it would be most of them. That the sums pass through memory
  // costs less than what follows them. Four vectors become 64 bytes: 16 of each, in order after a transposition of
  // words of 4.
  template <int kPanels>
  [[gnu::noinline]] void store(__m512i* sums, int rows, Index pixel, Index channel) const {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i flip = flip_of(packed.flip_out);
    const IntegerClamp clamp = packed.clamp;  // out may alias packed, but not these
    const std::int32_t zero_point = packed.out_zero_point;
    const std::int32_t* lanes = parts(channel);
    const Index columns = units - channel;
    const int count = rows * kPanels;
    for (int i = count; i % kGroup != 0; ++i) sums[i] = _mm512_setzero_si512();
    std::uint8_t* to = out.at + pixel * out.step + channel;
    for (int first = 0; first < count; first += kGroup) {
      const auto scaled_at = [&](int j) {
        return scaled(sums[first + j], lanes + j % kPanels * kPanel * kLaneParts, channel + j % kPanels * kPanel,
                      zero_point, clamp);
      };
      const __m512i clamped = clamped_bytes<std::int8_t>(scaled_at(0), scaled_at(1), scaled_at(2), scaled_at(3), clamp);
      const __m512i bytes = _mm512_xor_si512(_mm512_permutexvar_epi32(order, clamped), flip);
      const __m128i chunks[kGroup] = {_mm512_castsi512_si128(bytes), _mm512_extracti32x4_epi32(bytes, 1),
                                      _mm512_extracti32x4_epi32(bytes, 2), _mm512_extracti32x4_epi32(bytes, 3)};
#pragma GCC unroll 4
      for (int j = 0; j < kGroup; j += kPanels, to += out.step) {
        if (first + j < count) store_panels<kPanels>(chunks + j, to, columns);
      }
    }
  }

  [[gnu::always_inline]] __m512i scaled(__m512i sum, const std::int32_t* lanes, Index channel, std::int32_t zero_point,
                                        IntegerClamp clamp) const {
    if constexpr (kAfter == After::kByFloat) return scaled_by_float(sum, lanes, zero_point, clamp);
    if constexpr (kAfter == After::kBounded) return scaled_bounded(sum, lanes);
    return scaled_slowly(sum, channel);
  }

  [[gnu::noinline]] __m512i scaled_slowly(__m512i sum, Index channel) const {
    if (packed.once.values == nullptr) return scaled_any(sum, parts(channel), packed.out_zero_point);
    return _mm512_add_epi32(multiply_rounding_once(sum, packed.once, channel),
                            _mm512_set1_epi32(packed.out_zero_point));
  }

  template <int kRows, int kPanels>
  [[gnu::always_inline]] void sum(const std::uint8_t* const (&rows)[kRows], Index pixel, Index channel,
                                  __m512i* to) const {
    __m512i sums[kRows][kPanels];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512i term = _mm512_set1_epi32(packed.terms != nullptr ? packed.terms[pixel + r] : 0);
      for (int v = 0; v < kPanels; ++v)
        sums[r][v] = _mm512_add_epi32(term, lane_part<__m512i>(parts(channel + kPanel * v), kLaneBias));
    }
    const __m512i flip = flip_of(packed.flip_in);
    const Index panel_bytes = kPanel * depth();
    const std::int8_t* weights = packed.weights + channel * depth();
    const Index fours = pattern.length / kTogether;
    const Index rest = pattern.length % kTogether;
    for (Index s = 0; s < pattern.count; ++s) {
      const Index offset = pattern.offsets[s];
      for (Index k = 0; k < fours; ++k, weights += kTogether * kPanel) {
        __m512i b[kPanels];
        for (int v = 0; v < kPanels; ++v) b[v] = _mm512_load_si512(weights + v * panel_bytes);
#pragma GCC unroll 12
        for (int r = 0; r < kRows; ++r) {
          std::int32_t four;
          __builtin_memcpy(&four, rows[r] + offset + kTogether * k, sizeof four);
          const __m512i a = _mm512_xor_si512(_mm512_set1_epi32(four), flip);
          for (int v = 0; v < kPanels; ++v) sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], a, b[v]);
        }
      }
      if (rest == 0) continue;
      const auto there = static_cast<__mmask16>((1U << rest) - 1);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const __m512i a = _mm512_xor_si512(last_bytes(rows[r] + offset + kTogether * fours, there), flip);
        for (int v = 0; v < kPanels; ++v)
          sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], a, _mm512_load_si512(weights + v * panel_bytes));
      }
      weights += kTogether * kPanel;
    }
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kPanels; ++v) to[r * kPanels + v] = sums[r][v];
    }
  }
};

// One pixel: four panels at once keep the multiplier busy.
template <typename Tile>
void each_wide_row(const PixelGrid& grid, const Part& part, const Tile& tile) {
  Index channel = part.unit_begin;
  const auto run = [&](auto panels) {
    PixelWalk walk(grid, 0);
    tile.template run<1, decltype(panels)::value>(walk, 0, channel);
    channel += decltype(panels)::value * kPanel;
  };
  while (channel + 3 * kPanel < part.unit_end) run(std::integral_constant<int, 4>{});
  while (channel + kPanel < part.unit_end) run(std::integral_constant<int, 2>{});
  if (channel < part.unit_end) run(std::integral_constant<int, 1>{});
}

template <typename Tile>
void each_tile_of(const PixelGrid& grid, const Part& part, const Tile& tile) {
  if (grid.batch * grid.height * grid.width > 1) {
    each_tile(grid, part, tile);
  } else {
    each_wide_row(grid, part, tile);
  }
}

std::int32_t sum_of(const std::uint8_t* at, Index count, __m512i flip) {
  __m512i sums = _mm512_setzero_si512();
  for (Index i = 0; i < count; i += 64) {
    const __mmask64 there = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
    const __m512i bytes =
        _mm512_maskz_mov_epi8(there, _mm512_xor_si512(_mm512_maskz_loadu_epi8(there, at + i), flip));
    sums = _mm512_add_epi64(sums, _mm512_sad_epu8(bytes, _mm512_setzero_si512()));
  }
  return static_cast<std::int32_t>(_mm512_reduce_add_epi64(sums));
}

}  // namespace

void conv2d_i8(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, const BytesView& packed,
               Index units, const Part& part, Rows<std::uint8_t> out) {
  if (packed.by_float) {
    each_tile_of(grid, part, ByteTile<After::kByFloat>{pattern, image, packed, units, out});
  } else if (packed.bounded && packed.once.values == nullptr) {
    each_tile_of(grid, part, ByteTile<After::kBounded>{pattern, image, packed, units, out});
  } else {
    each_tile_of(grid, part, ByteTile<After::kSlow>{pattern, image, packed, units, out});
  }
}

void pixel_terms(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, bool flip_in,
                 const Part& part, std::int32_t factor, std::int32_t less, std::int32_t* terms) {
  const __m512i flip = flip_of(flip_in);
  PixelWalk walk(grid, part.pixel_begin);
  for (Index pixel = part.pixel_begin; pixel < part.pixel_end; ++pixel) {
    const std::uint8_t* rows[1];
    walk.next(image, rows);
    auto sum = static_cast<std::uint32_t>(-less);
    for (Index s = 0; s < pattern.count; ++s)
      sum += static_cast<std::uint32_t>(sum_of(rows[0] + pattern.offsets[s], pattern.length, flip));
    terms[pixel] = static_cast<std::int32_t>(sum * static_cast<std::uint32_t>(factor));
  }
}

}  // namespace lichen::kernels::avx512
