// SPDX-License-Identifier: Apache-2.0
// Sums of products in layers of integers: 32 bits of bytes, 32 or 64 bits of 16-bit activations by 8-bit weights. Sum is
// int32_t or int64_t.
#pragma once

#include <type_traits>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

// a + b, which wraps.
template <typename Sum>
[[nodiscard]] inline Sum added(Sum a, std::type_identity_t<Sum> b) {
  using Unsigned = std::make_unsigned_t<Sum>;
  return static_cast<Sum>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
}

// A sum of 64 bits times a multiplier of which LiteRT keeps 16 bits here, rounded once, halves upward. m.shift at most 14.
[[nodiscard]] inline std::int32_t multiply(std::int64_t x, Multiplier m) {
  constexpr std::int32_t kHalf = 1 << 15;
  constexpr std::int32_t kMost = 0x7FFF;
  const std::int32_t reduced = m.value < (kMost << 16) ? (m.value + kHalf) >> 16 : kMost;
  const int shift = 15 - m.shift;
  const auto product = static_cast<std::int64_t>(static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(reduced));
  return static_cast<std::int32_t>(added(product, std::int64_t{1} << (shift - 1)) >> shift);
}

// What is stored of the sum of a channel.
template <typename T>
[[nodiscard]] inline T stored_of(const Requantization& q, std::int32_t sum, Index channel) {
  return q.stored<T>(sum, channel);
}
template <typename T>
[[nodiscard]] inline T stored_of(const Requantization& q, std::int64_t sum, Index channel) {
  const std::int32_t scaled = multiply(sum, q.multipliers[static_cast<std::size_t>(channel)]);
  return static_cast<T>(std::clamp(wrapping_add(scaled, q.out_zero_point), q.clamp.min, q.clamp.max));
}

}  // namespace lichen::kernels::reference
