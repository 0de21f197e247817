// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/quantize.hpp"

#include <cmath>

namespace lichen::kernels::reference {

template <typename T>
void quantize(std::span<const float> in, float scale, std::int32_t zero_point, T* out) {
  constexpr float kMin = std::numeric_limits<T>::min();
  constexpr float kMax = std::numeric_limits<T>::max();
  for (const float x : in) {
    // Clamped as a float: no conversion of a value that int32 cannot hold. The zero point is exact in a float.
    const float moved = std::round(x / scale) + static_cast<float>(zero_point);
    *out++ = std::isnan(moved) ? static_cast<T>(zero_point) : static_cast<T>(std::clamp(moved, kMin, kMax));
  }
}

template <typename In, typename Out>
void requantize(std::span<const In> in, std::int32_t in_zero_point, Multiplier m, std::int32_t out_zero_point,
                Out* out) {
  constexpr std::int32_t kMin = std::numeric_limits<Out>::min();
  constexpr std::int32_t kMax = std::numeric_limits<Out>::max();
  for (const In x : in) {
    const auto moved = static_cast<std::int32_t>(static_cast<std::uint32_t>(std::int32_t{x}) -
                                                 static_cast<std::uint32_t>(in_zero_point));  // i32 wraps
    *out++ = kernels::requantize<Out>(moved, m, out_zero_point, kMin, kMax);
  }
}

template <typename T>
void dequantize(std::span<const T> in, float scale, std::int32_t zero_point, float* out) {
  // LiteRT multiplies in double and rounds that to float. The product needs no more bits than a double has, so that is
  // what one multiplication of floats gives.
  for (const T x : in) *out++ = scale * static_cast<float>(static_cast<std::int32_t>(x) - zero_point);
}

template <typename T>
void dequantize_channels(Index outer, Index channels, Index inner, const T* in, const float* scales,
                         const std::int32_t* zero_points, float* out) {
  for (Index o = 0; o < outer; ++o) {
    for (Index c = 0; c < channels; ++c, in += inner, out += inner) {
      for (Index i = 0; i < inner; ++i) out[i] = scales[c] * static_cast<float>(in[i] - zero_points[c]);
    }
  }
}

template <typename T>
void quantize_even(std::span<const float> in, Affine to, T* out) {
  for (const float x : in) *out++ = stored_even<T>(x, to.scale, static_cast<float>(to.zero_point));
}

template <typename In, typename Out>
void requantize_even(std::span<const In> in, Affine from, Affine to, Out* out) {
  for (const In x : in) *out++ = stored_of<Out>(real_of(x, from), to, Rounding::kNearestEven);
}

#define LICHEN_TO(In, Out)                                                                     \
  template void requantize(std::span<const In>, std::int32_t, Multiplier, std::int32_t, Out*); \
  template void requantize_even(std::span<const In>, Affine, Affine, Out*);
#define LICHEN_OF(T)                                                                                           \
  template void quantize(std::span<const float>, float, std::int32_t, T*);                                     \
  template void quantize_even(std::span<const float>, Affine, T*);                                             \
  template void dequantize(std::span<const T>, float, std::int32_t, float*);                                   \
  template void dequantize_channels(Index, Index, Index, const T*, const float*, const std::int32_t*, float*); \
  LICHEN_TO(T, std::int8_t)                                                                                    \
  LICHEN_TO(T, std::uint8_t)                                                                                   \
  LICHEN_TO(T, std::int16_t)
LICHEN_OF(std::int8_t)
LICHEN_OF(std::uint8_t)
LICHEN_OF(std::int16_t)
#undef LICHEN_OF
#undef LICHEN_TO
template void requantize(std::span<const std::int32_t>, std::int32_t, Multiplier, std::int32_t, std::int8_t*);
template void requantize(std::span<const std::int32_t>, std::int32_t, Multiplier, std::int32_t, std::int16_t*);
template void requantize(std::span<const std::int16_t>, std::int32_t, Multiplier, std::int32_t, std::int32_t*);

}  // namespace lichen::kernels::reference
