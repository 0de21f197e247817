// SPDX-License-Identifier: Apache-2.0
// How vector kernels see convolutions and fully connected layers: as a matrix product without a matrix. Every output
// pixel reads the same pattern of contiguous segments (a row of taps is one segment where it is not dilated) relative
// to its place in an image that is padded beforehand; weights are packed into panels of 16 output channels, the last
// one of 8 where that is enough. Plain descriptions and packing; no instructions of any CPU.
#pragma once

#include "kernels/aligned.hpp"
#include "kernels/geometry.hpp"

namespace lichen::kernels {

inline constexpr Index kPanel = 16;

// The image as kernels read it: [batch, height, width, pixel], zeros where the window leaves the input.
struct PaddedImage {
  Index height = 0;
  Index width = 0;
  Index pixel = 0;        // elements of a pixel: in_c, or more where channels are rounded up
  bool is_input = false;  // the input itself has this layout: nothing to copy
  [[nodiscard]] Index elements(Index batch) const { return batch * height * width * pixel; }
};
// `channels_multiple`: round a pixel's channels up to a multiple of it.
[[nodiscard]] PaddedImage padded_image(const Window2D& w, Index channels_multiple);

// Is that image small enough to make? A hostile dilation or stride can ask for one far larger than the input; such
// nodes are left to the reference kernels.
inline constexpr Index kPaddedElementsMax = Index{1} << 25;
[[nodiscard]] bool padding_fits(const Window2D& w, Index channels_multiple);

// Where output pixels lie in that image. Steps in elements.
struct PixelGrid {
  Index batch = 1, height = 1, width = 1;
  Index image_step = 0, row_step = 0, column_step = 0;
};
[[nodiscard]] PixelGrid pixel_grid(const Window2D& w, const PaddedImage& image);
[[nodiscard]] PixelGrid row_grid(const MatrixSize& m);  // a fully connected layer: rows are pixels

// What one output pixel reads: segments of `length` contiguous elements at these offsets from its place.
struct Pattern {
  AlignedVector<Index> offsets;
  Index length = 0;
};
[[nodiscard]] Pattern pattern_of(const Window2D& w, const PaddedImage& image);
[[nodiscard]] Pattern pattern_of(const MatrixSize& m);

// A pattern lent to a kernel.
struct PatternView {
  const Index* offsets = nullptr;
  Index count = 0;
  Index length = 0;
};
[[nodiscard]] inline PatternView view_of(const Pattern& p) {
  return {p.offsets.data(), static_cast<Index>(p.offsets.size()), p.length};
}

// Channels that panels hold: `units` rounded up to 8.
[[nodiscard]] inline Index panel_channels(Index units) {
  return (units + 7) / 8 * 8;
}

// f32: panel after panel; in each, for every element of every segment, its channels' weights side by side.
// `weights` is [units][segments][length].
[[nodiscard]] std::size_t packed_f32_count(Index units, const Pattern& p);
[[nodiscard]] AlignedVector<float> pack_f32(const float* weights, Index units, const Pattern& p);

// i16 with the zero point subtracted: as above, but two elements of a segment side by side for each channel (what
// vpmaddwd multiplies); odd segments end in a zero.
[[nodiscard]] std::size_t packed_i16_count(Index units, const Pattern& p);
template <typename T>
[[nodiscard]] AlignedVector<std::int16_t> pack_i16(const T* weights, std::int32_t zero_point, Index units,
                                                   const Pattern& p);

// Bias, padded with zeros to panel_channels; null gives zeros.
template <typename T>
[[nodiscard]] AlignedVector<T> padded_bias(const T* bias, Index units, Index padded_units);

// Multipliers taken apart for vectors; padded channels get zeros.
struct VectorMultipliers {
  AlignedVector<std::int32_t> values;
  AlignedVector<std::int32_t> lefts;   // shift left before
  AlignedVector<std::int32_t> rights;  // shift right after; for one rounding: the whole shift, 31 - shift
};
[[nodiscard]] VectorMultipliers split_multipliers(std::span<const Multiplier> multipliers, Index padded_units);
[[nodiscard]] VectorMultipliers single_multipliers(std::span<const Multiplier> multipliers, Index padded_units);

// Lent to a kernel.
struct MultiplierView {
  const std::int32_t* values = nullptr;
  const std::int32_t* lefts = nullptr;
  const std::int32_t* rights = nullptr;
};
[[nodiscard]] inline MultiplierView view_of(const VectorMultipliers& m) {
  return {m.values.data(), m.lefts.data(), m.rights.data()};
}

}  // namespace lichen::kernels
