// SPDX-License-Identifier: Apache-2.0
// Weights for integer kernels that multiply signed bytes and add up within a vector. Activations and weights of u8 are
// seen as i8 by taking 128 from them and from their zero points. With a and w as seen, A and W their zero points:
//   sum (a - A)(w - W) = sum a w - A sum w - W (sum a - A depth)
// The second term is in the bias here; the third one depends on the pixel, and is 0 where W is.
#pragma once

#include "kernels/panels.hpp"

namespace lichen::kernels {

struct SignedBytes {
  AlignedVector<std::int8_t> weights;
  AlignedVector<std::int32_t> bias;     // rounded up to kPanel channels
  std::int32_t in_zero_point = 0;       // A
  std::int32_t weights_zero_point = 0;  // W
  bool paired = false;                  // no weight is -128: the sum of two products fits i16
};

// Panels of 4 channels; in each, for every 16 elements of a segment, those of one channel after those of the other. A
// segment's last 1 to 8 elements make a block of 8, filled up with zeros; 9 to 15 one of 16.
inline constexpr Index kDot8Panel = 4;
[[nodiscard]] inline Index dot8_length(Index length) {
  return (length + 7) / 8 * 8;
}
[[nodiscard]] std::size_t packed_dot8_count(Index units, const Pattern& p);
template <typename T>
[[nodiscard]] SignedBytes pack_dot8(const T* weights, const std::int32_t* bias, Index units, const Pattern& p,
                                    const Requantization& q);

// For sdot: panels of 16 channels; in each, for every 4 elements of a segment, those of one channel after those of the
// other. Segments end in zeros.
[[nodiscard]] std::size_t packed_dot4_count(Index units, const Pattern& p);
template <typename T>
[[nodiscard]] SignedBytes pack_dot4(const T* weights, const std::int32_t* bias, Index units, const Pattern& p,
                                    const Requantization& q);

// Depthwise: [channels / 8][taps][8] as i16 with the zero point subtracted.
inline constexpr Index kDepthwiseWords = 8;
template <typename T>
[[nodiscard]] AlignedVector<std::int16_t> pack_depthwise_words(const T* weights, std::int32_t zero_point, Index taps,
                                                               Index channels);

}  // namespace lichen::kernels
