// SPDX-License-Identifier: Apache-2.0
// A Random port that is a function of (seed, device, purpose): every purpose has a stream of its own.
#pragma once

#include <cstdint>

#include "base/mix.hpp"
#include "ports/random.hpp"

namespace lichen::fakes {

class SeededRandom : public ports::Random {
 public:
  SeededRandom(std::uint64_t seed, std::uint64_t device, std::uint64_t purpose)
      : stream_(mix64(mix64(mix64(seed) + device * 2 + 1) + purpose * 2 + 1)) {}

  [[nodiscard]] std::uint64_t below(std::uint64_t bound) override { return stream_.below(bound); }
  [[nodiscard]] bool chance(std::uint32_t ppm) { return stream_.chance(ppm); }
  // Uniform in [low, high].
  [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(stream_.below(static_cast<std::uint64_t>(high - low) + 1));
  }
  [[nodiscard]] std::uint64_t next() { return stream_.next(); }

 private:
  SplitMix64 stream_;
};

}  // namespace lichen::fakes
