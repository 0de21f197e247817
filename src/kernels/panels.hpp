// SPDX-License-Identifier: Apache-2.0
// How vector kernels see convolutions and fully connected layers: as a matrix product without a matrix. Every output
// pixel reads the same pattern of contiguous segments (a row of taps is one segment where it is not dilated) relative
// to its place in an image that is padded beforehand; weights are packed into panels of 16 output channels, the last
// one of 8 where that is enough and the kernel can use it. Plain descriptions and packing; no instructions of any CPU.
#pragma once

#include <array>

#include "kernels/aligned.hpp"
#include "kernels/geometry.hpp"
#include "kernels/rows.hpp"

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

// The part of a layer that one call computes: output pixels [pixel_begin, pixel_end), channels [unit_begin, unit_end).
// Channels begin and end at multiples of kPanel or at the layer's end.
struct Part {
  Index pixel_begin = 0, pixel_end = 0;
  Index unit_begin = 0, unit_end = 0;
};
[[nodiscard]] inline Index pixels_of(const PixelGrid& grid) {
  return grid.batch * grid.height * grid.width;
}
[[nodiscard]] inline Part whole(const PixelGrid& grid, Index units) {
  return {0, pixels_of(grid), 0, units};
}

// Channels that panels hold: `units` rounded up to a multiple.
[[nodiscard]] inline Index panel_channels(Index units, Index multiple) {
  return (units + multiple - 1) / multiple * multiple;
}

// f32 weights as they are stored: of any alignment, and, where there are scales, each times that of its unit.
struct StoredFloats {
  const std::byte* bytes = nullptr;
  const float* scales = nullptr;
};

// f32: panel after panel; in each, for every element of every segment, its channels' weights side by side.
// `weights` is [units][segments][length]. `multiple`, 8 or 16, is what the last panel is rounded up to.
[[nodiscard]] std::size_t packed_f32_count(Index units, const Pattern& p, Index multiple);
[[nodiscard]] UnsetVector<float> pack_f32(StoredFloats weights, Index units, const Pattern& p, Index multiple);

// i16 with the zero point subtracted: as above, but two elements of a segment side by side for each channel (what
// vpmaddwd multiplies); odd segments end in a zero; the last panel is rounded up to 8.
[[nodiscard]] std::size_t packed_i16_count(Index units, const Pattern& p);
template <typename T>
[[nodiscard]] AlignedVector<std::int16_t> pack_i16(const T* weights, std::int32_t zero_point, Index units,
                                                   const Pattern& p);

// What output channels need after their sums, part after part for as many channels as a vector has lanes. With m the
// multiplier of a channel: its bias; m's value; the value of the next channel where lanes are multiplied in pairs; half
// of the divisor, and the output's zero point times the divisor; how far to shift right so that a sign becomes 1, or
// vanishes where nothing is divided; m's shifts.
enum LanePart { kLaneBias, kLaneValue, kLaneOdd, kLaneHalf, kLaneSignFrom, kLaneRight, kLaneLeft, kLaneParts };
using LaneValues = std::array<std::int32_t, kLaneParts>;
[[nodiscard]] LaneValues lane_values(std::int32_t bias, Multiplier m, std::int32_t out_zero_point);
// Fills kLaneOdd of `lanes` lanes.
void pair_lanes(std::int32_t* parts, Index lanes);
// Can sums of at most this size be scaled without looking for overflow, and without shifting left?
[[nodiscard]] bool lanes_bounded(std::int64_t largest_sum, Multiplier m);

// i8 for vpdpbusd, which multiplies unsigned activations by signed weights: four elements of a segment side by side for
// each channel of panels of 16; segments end in zeros. Activations of i8 are seen as u8 by adding 128 to them and to
// their zero point, weights of u8 as i8 by taking 128 from both. With a and w as seen, A and W their zero points:
//   sum (a - A)(w - W) = sum a w - A sum w - W (sum a - A depth)
// The second term is in the bias of the lanes; the third one depends on the pixel, and is 0 where W is. Outputs of u8 are
// seen as i8 as well: 128 is taken from their zero point.
struct PackedBytes {
  AlignedVector<std::int8_t> weights;
  AlignedVector<std::int32_t> lanes;    // [panels][kLaneParts][16]
  std::int32_t in_zero_point = 0;       // A
  std::int32_t weights_zero_point = 0;  // W
  bool bounded = false;                 // lanes_bounded() of all channels
};
[[nodiscard]] std::size_t packed_bytes_count(Index units, const Pattern& p);
template <typename T>
[[nodiscard]] PackedBytes pack_bytes(const T* weights, const std::int32_t* bias, Index units, const Pattern& p,
                                     const Requantization& q);

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

// Everything after the integer sum.
struct IntegerOutput {
  const std::int32_t* bias = nullptr;  // as many as panels have channels, as the multipliers
  MultiplierView multipliers;
  std::int32_t zero_point = 0;
  IntegerClamp clamp;
  bool rounds_once = false;  // fully connected layers
};

}  // namespace lichen::kernels
