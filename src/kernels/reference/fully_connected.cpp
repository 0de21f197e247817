// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/fully_connected.hpp"

#include <cmath>

#include "kernels/reference/sums.hpp"

namespace lichen::kernels::reference {

void fully_connected(const MatrixSize& m, const float* in, const float* weights, const float* bias, FloatRange range,
                     float* out) {
  for (Index row = 0; row < m.rows; ++row) {
    for (Index unit = 0; unit < m.units; ++unit) {
      float sum = 0.0F;
      for (Index i = 0; i < m.depth; ++i) sum += in[row * m.depth + i] * weights[unit * m.depth + i];
      if (bias != nullptr) sum += bias[unit];
      out[row * m.units + unit] = std::min(std::max(sum, range.min), range.max);
    }
  }
}

template <typename T>
void fully_connected(const MatrixSize& m, const T* in, const T* weights, const std::int32_t* bias,
                     const Requantization& q, T* out) {
  for (Index row = 0; row < m.rows; ++row) {
    for (Index unit = 0; unit < m.units; ++unit) {
      std::int32_t sum = 0;
      for (Index i = 0; i < m.depth; ++i) {
        sum = wrapping_add(
            sum, (in[row * m.depth + i] - q.in_zero_point) * (weights[unit * m.depth + i] - q.weights_zero_point));
      }
      if (bias != nullptr) sum = wrapping_add(sum, bias[unit]);
      out[row * m.units + unit] = q.stored_rounding_once<T>(sum, unit);
    }
  }
}

template <typename Sum>
void fully_connected(const MatrixSize& m, const std::int16_t* in, const std::int8_t* weights, const Sum* bias,
                     std::span<const double> scales, IntegerClamp clamp, std::int16_t* out) {
  for (Index row = 0; row < m.rows; ++row) {
    for (Index unit = 0; unit < m.units; ++unit) {
      Sum sum = bias == nullptr ? 0 : bias[unit];
      for (Index i = 0; i < m.depth; ++i) sum = added(sum, in[row * m.depth + i] * weights[unit * m.depth + i]);
      const double scaled = std::round(static_cast<double>(sum) * scales[static_cast<std::size_t>(unit)]);
      out[row * m.units + unit] =
          static_cast<std::int16_t>(std::clamp(scaled, static_cast<double>(clamp.min), static_cast<double>(clamp.max)));
    }
  }
}

template void fully_connected(const MatrixSize&, const std::int16_t*, const std::int8_t*, const std::int32_t*,
                              std::span<const double>, IntegerClamp, std::int16_t*);
template void fully_connected(const MatrixSize&, const std::int16_t*, const std::int8_t*, const std::int64_t*,
                              std::span<const double>, IntegerClamp, std::int16_t*);
template void fully_connected(const MatrixSize&, const std::int8_t*, const std::int8_t*, const std::int32_t*,
                              const Requantization&, std::int8_t*);
template void fully_connected(const MatrixSize&, const std::uint8_t*, const std::uint8_t*, const std::int32_t*,
                              const Requantization&, std::uint8_t*);

}  // namespace lichen::kernels::reference
