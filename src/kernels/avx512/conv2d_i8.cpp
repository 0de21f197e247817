// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx512/conv2d.hpp"
#include "kernels/avx512/lanes.hpp"
#include "kernels/avx512/requantize.hpp"
#include "kernels/avx512/tiles.hpp"

namespace lichen::kernels::avx512 {
namespace {

constexpr Index kTogether = 4;  // elements that vpdpbusd multiplies and adds up in one lane
constexpr int kSignBits = static_cast<int>(0x80808080U);

template <ImageBytes kBytes>
inline __m512i as_unsigned(__m512i bytes) {
  if constexpr (kBytes == ImageBytes::kSigned) return _mm512_xor_si512(bytes, _mm512_set1_epi32(kSignBits));
  return bytes;
}

// The last 1 to 3 bytes of a segment; the weights beyond them are 0.
inline std::int32_t last_bytes(const std::uint8_t* at, Index count) {
  std::uint32_t bytes = at[0];
  if (count > 1) bytes |= std::uint32_t{at[1]} << 8;
  if (count > 2) bytes |= std::uint32_t{at[2]} << 16;
  return static_cast<std::int32_t>(bytes);
}

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

template <typename T, ImageBytes kBytes>
struct ByteTile {
  const PatternView& pattern;
  const std::uint8_t* image;
  const BytesView& packed;
  Index units;
  T* out;

  [[nodiscard]] Index depth() const {  // bytes of a channel's weights
    return pattern.count * ((pattern.length + kTogether - 1) / kTogether) * kTogether;
  }
  [[nodiscard]] const std::int32_t* parts(Index channel) const { return packed.lanes + channel * kLaneParts; }

  template <int kRows, int kPanels>
  void run(PixelWalk& walk, Index pixel, Index channel) const {
    const std::uint8_t* rows[kRows];
    walk.next(image, rows);
    __m512i sums[kRows][kPanels];
    sum<kRows, kPanels>(rows, pixel, channel, sums);
    if (packed.bounded && packed.once.values == nullptr) {
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kPanels; ++v) sums[r][v] = scaled_bounded(sums[r][v], parts(channel + kPanel * v));
      }
      store<kRows, kPanels>(sums, pixel, channel);
    } else {
      __m512i kept[kRows][kPanels];  // a copy, so that the sums above need no memory
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kPanels; ++v) kept[r][v] = sums[r][v];
      }
      scale_slowly(&kept[0][0], kRows, kPanels, channel);
      store<kRows, kPanels>(kept, pixel, channel);
    }
  }

  [[gnu::noinline]] void scale_slowly(__m512i* sums, int rows, int panels, Index channel) const {
    for (int i = 0; i < rows * panels; ++i) {
      const Index first = channel + i % panels * kPanel;
      if (packed.once.values == nullptr) {
        sums[i] = scaled_any(sums[i], parts(first), packed.out_zero_point);
      } else {
        sums[i] = _mm512_add_epi32(multiply_rounding_once(sums[i], packed.once, first),
                                   _mm512_set1_epi32(packed.out_zero_point));
      }
    }
  }

  // Four vectors at a time become 64 bytes: 16 of each, in order after a transposition of words of 4.
  template <int kRows, int kPanels>
  void store(const __m512i (&values)[kRows][kPanels], Index pixel, Index channel) const {
    constexpr int kCount = kRows * kPanels;
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const auto value = [&](int i) { return i < kCount ? values[i / kPanels][i % kPanels] : _mm512_setzero_si512(); };
#pragma GCC unroll 12
    for (int i = 0; i < kCount; i += 4) {
      const __m512i bytes = _mm512_permutexvar_epi32(
          order, clamped_bytes<T>(value(i), value(i + 1), value(i + 2), value(i + 3), packed.clamp));
      const __m128i chunks[4] = {_mm512_castsi512_si128(bytes), _mm512_extracti32x4_epi32(bytes, 1),
                                 _mm512_extracti32x4_epi32(bytes, 2), _mm512_extracti32x4_epi32(bytes, 3)};
#pragma GCC unroll 4
      for (int j = 0; j < 4; j += kPanels) {
        if (i + j >= kCount) continue;
        store_panels<kPanels>(chunks + j, out + (pixel + (i + j) / kPanels) * units + channel, units - channel);
      }
    }
  }

  template <int kRows, int kPanels>
  void sum(const std::uint8_t* const (&rows)[kRows], Index pixel, Index channel,
           __m512i (&sums)[kRows][kPanels]) const {
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512i term = _mm512_set1_epi32(packed.terms != nullptr ? packed.terms[pixel + r] : 0);
      for (int v = 0; v < kPanels; ++v)
        sums[r][v] = _mm512_add_epi32(term, lane_part<__m512i>(parts(channel + kPanel * v), kLaneBias));
    }
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
          const __m512i a = as_unsigned<kBytes>(_mm512_set1_epi32(four));
          for (int v = 0; v < kPanels; ++v) sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], a, b[v]);
        }
      }
      if (rest == 0) continue;
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const __m512i a =
            as_unsigned<kBytes>(_mm512_set1_epi32(last_bytes(rows[r] + offset + kTogether * fours, rest)));
        for (int v = 0; v < kPanels; ++v)
          sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], a, _mm512_load_si512(weights + v * panel_bytes));
      }
      weights += kTogether * kPanel;
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

template <ImageBytes kBytes, typename T>
void conv2d_of(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, const BytesView& packed,
               Index units, const Part& part, T* out) {
  const ByteTile<T, kBytes> tile{pattern, image, packed, units, out};
  if (grid.batch * grid.height * grid.width > 1) {
    each_tile(grid, part, tile);
  } else {
    each_wide_row(grid, part, tile);
  }
}

template <ImageBytes kBytes>
std::int32_t sum_of(const std::uint8_t* at, Index count) {
  __m512i sums = _mm512_setzero_si512();
  for (Index i = 0; i < count; i += 64) {
    const __mmask64 there = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
    __m512i bytes = _mm512_maskz_loadu_epi8(there, at + i);
    if constexpr (kBytes == ImageBytes::kSigned)
      bytes = _mm512_maskz_mov_epi8(there, as_unsigned<kBytes>(bytes));
    sums = _mm512_add_epi64(sums, _mm512_sad_epu8(bytes, _mm512_setzero_si512()));
  }
  return static_cast<std::int32_t>(_mm512_reduce_add_epi64(sums));
}

template <ImageBytes kBytes>
void terms_of(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, const Part& part,
              std::int32_t factor, std::int32_t less, std::int32_t* terms) {
  PixelWalk walk(grid, part.pixel_begin);
  for (Index pixel = part.pixel_begin; pixel < part.pixel_end; ++pixel) {
    const std::uint8_t* rows[1];
    walk.next(image, rows);
    auto sum = static_cast<std::uint32_t>(-less);
    for (Index s = 0; s < pattern.count; ++s)
      sum += static_cast<std::uint32_t>(sum_of<kBytes>(rows[0] + pattern.offsets[s], pattern.length));
    terms[pixel] = static_cast<std::int32_t>(sum * static_cast<std::uint32_t>(factor));
  }
}

// Copies bytes; 128 is added to each where they are signed.
template <ImageBytes kBytes>
void copy(const std::uint8_t* from, Index count, std::uint8_t* to) {
  for (Index i = 0; i < count; i += 64) {
    const __mmask64 there = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
    _mm512_mask_storeu_epi8(to + i, there, as_unsigned<kBytes>(_mm512_maskz_loadu_epi8(there, from + i)));
  }
}

inline void fill(std::uint8_t* to, Index count, std::uint8_t value) {
  if (count > 0) __builtin_memset(to, value, static_cast<std::size_t>(count));
}

template <ImageBytes kBytes>
void pad_rows(const Window2D& w, const PaddedImage& image, const std::uint8_t* in, std::uint8_t zero_point,
              Index row_begin, Index row_end, std::uint8_t* to) {
  const Index row = image.width * image.pixel;
  const Index left = w.pad_w * image.pixel;
  const Index columns = w.in_w < image.width - w.pad_w ? w.in_w : image.width - w.pad_w;
  const Index middle = columns * w.in_c;
  for (Index at = row_begin; at < row_end; ++at) {
    std::uint8_t* begin = to + at * row;
    const Index y = at % image.height - w.pad_h;
    if (!inside(y, w.in_h)) {
      fill(begin, row, zero_point);
      continue;
    }
    fill(begin, left, zero_point);
    copy<kBytes>(in + (at / image.height * w.in_h + y) * w.in_w * w.in_c, middle, begin + left);
    fill(begin + left + middle, row - left - middle, zero_point);
  }
}

}  // namespace

template <typename T>
void conv2d_i8(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, ImageBytes bytes,
               const BytesView& packed, Index units, const Part& part, T* out) {
  if (bytes == ImageBytes::kSigned) {
    conv2d_of<ImageBytes::kSigned>(grid, pattern, image, packed, units, part, out);
  } else {
    conv2d_of<ImageBytes::kUnsigned>(grid, pattern, image, packed, units, part, out);
  }
}

template void conv2d_i8(const PixelGrid&, const PatternView&, const std::uint8_t*, ImageBytes, const BytesView&, Index,
                        const Part&, std::int8_t*);
template void conv2d_i8(const PixelGrid&, const PatternView&, const std::uint8_t*, ImageBytes, const BytesView&, Index,
                        const Part&, std::uint8_t*);

void pixel_terms(const PixelGrid& grid, const PatternView& pattern, const std::uint8_t* image, ImageBytes bytes,
                 const Part& part, std::int32_t factor, std::int32_t less, std::int32_t* terms) {
  if (bytes == ImageBytes::kSigned) {
    terms_of<ImageBytes::kSigned>(grid, pattern, image, part, factor, less, terms);
  } else {
    terms_of<ImageBytes::kUnsigned>(grid, pattern, image, part, factor, less, terms);
  }
}

void pad_bytes(const Window2D& w, const PaddedImage& image, const std::uint8_t* in, ImageBytes bytes,
               std::uint8_t zero_point, Index row_begin, Index row_end, std::uint8_t* to) {
  if (bytes == ImageBytes::kSigned) {
    pad_rows<ImageBytes::kSigned>(w, image, in, zero_point, row_begin, row_end, to);
  } else {
    pad_rows<ImageBytes::kUnsigned>(w, image, in, zero_point, row_begin, row_end, to);
  }
}

}  // namespace lichen::kernels::avx512
