// SPDX-License-Identifier: Apache-2.0
// Integer mixing for the simulated world: a seeded generator (SplitMix64, Steele, Lea and Flood 2014) and a running
// hash of integers. Not for secrets, not for <random>'s distributions (they differ between libraries).
#pragma once

#include <cstdint>

namespace lichen {

[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ull;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

class SplitMix64 {
 public:
  explicit constexpr SplitMix64(std::uint64_t seed) : state_(seed) {}
  constexpr std::uint64_t next() { return mix64(state_ += 0x9E3779B97F4A7C15ull); }
  // Uniform in [0, bound): multiply-shift; the bias is below bound / 2^64.
  constexpr std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  // True with a chance of `ppm` in a million.
  constexpr bool chance(std::uint32_t ppm) { return below(1'000'000) < ppm; }

 private:
  std::uint64_t state_;
};

// A running hash of integers: equal sequences give equal hashes on every machine.
class TraceHash {
 public:
  constexpr void add(std::uint64_t value) { state_ = mix64(state_ ^ value) + 0x9E3779B97F4A7C15ull; }
  [[nodiscard]] constexpr std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0x6C696368656E0001ull;
};

}  // namespace lichen
