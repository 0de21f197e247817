// SPDX-License-Identifier: Apache-2.0
// Two independent sums of a block of constant memory, and what their difference tells: which single bit flipped.
//
// CRC-32C is linear: the difference of two CRCs (the syndrome) depends only on which bits differ and how far they are
// from the block's end. Its polynomial has the factor x + 1 and its other factor is primitive of degree 31, so up to
// 2^31 - 1 bits every two single-bit errors have different syndromes, and an even number of flips never looks like one
// (Koopman, "32-bit cyclic redundancy codes for Internet applications", 2002: Hamming distance 4 at these lengths).
// Three or more flips of an odd number may look like one: the second sum, which is not linear, says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace lichen::posix {

inline constexpr std::size_t kSumBlockBytes = 64 << 10;

struct BlockSum {
  std::uint64_t mix = 0;  // 64 bits, a chain of xor, multiply, rotate in four lanes: any one changed word changes it
  std::uint32_t crc = 0;  // CRC-32C

  friend bool operator==(const BlockSum&, const BlockSum&) = default;
};

[[nodiscard]] BlockSum sum_of(ByteView block);

// The one bit (byte * 8 + bit, bit 0 the least significant) of a block of `bytes` whose flip turns `before` into
// `after`; none if no single flip does. About a millisecond for 64 KiB. More than two flips may look like one: only a
// block whose both sums are right after the repair is mended.
[[nodiscard]] std::optional<std::size_t> locate_flip(std::size_t bytes, std::uint32_t before, std::uint32_t after);

}  // namespace lichen::posix
