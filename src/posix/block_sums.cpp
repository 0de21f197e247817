// SPDX-License-Identifier: Apache-2.0
#include "posix/block_sums.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "base/crc32c.hpp"

namespace lichen::posix {

namespace {

constexpr std::uint32_t kPolynomialReflected = 0x82F63B78u;  // as crc32c
constexpr std::uint64_t kOdd = 0x9E37'79B9'7F4A'7C15u;       // 2^64 over the golden ratio
constexpr std::size_t kLanes = 4;

std::uint64_t stir(std::uint64_t lane, std::uint64_t word) {
  return std::rotl((lane ^ word) * kOdd, 29);
}

std::uint64_t mix_of(ByteView block) {
  std::array<std::uint64_t, kLanes> lanes = {1, 2, 3, 4};
  const std::byte* at = block.data();
  std::size_t left = block.size();
  for (; left >= kLanes * 8; at += kLanes * 8, left -= kLanes * 8) {
    std::array<std::uint64_t, kLanes> words;
    std::memcpy(words.data(), at, sizeof words);
    for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = stir(lanes[i], words[i]);
  }
  std::array<std::uint64_t, kLanes> rest{};
  if (left > 0) std::memcpy(rest.data(), at, left);
  std::uint64_t mix = block.size();
  for (std::size_t i = 0; i < kLanes; ++i) mix = stir(mix, stir(lanes[i], rest[i]));
  return mix;
}

}  // namespace

BlockSum sum_of(ByteView block) {
  return {mix_of(block), crc32c(block)};
}

std::optional<std::size_t> locate_flip(std::size_t bytes, std::uint32_t before, std::uint32_t after) {
  const std::uint32_t wanted = before ^ after;
  if (wanted == 0) return std::nullopt;
  // The syndrome of the block's last bit, then of the one before it, and so on.
  std::uint32_t syndrome = kPolynomialReflected;
  for (std::size_t bit = bytes * 8; bit-- > 0;) {
    if (syndrome == wanted) return bit;
    syndrome = (syndrome >> 1) ^ ((syndrome & 1u) != 0 ? kPolynomialReflected : 0u);
  }
  return std::nullopt;
}

}  // namespace lichen::posix
