// SPDX-License-Identifier: Apache-2.0
// Randomness from outside: one stream per (seed, device, purpose), so that using more of one shifts no other.
#pragma once

#include <cstdint>

namespace lichen::ports {

class Random {
 public:
  virtual ~Random();
  // Uniform in [0, bound); bound > 0.
  [[nodiscard]] virtual std::uint64_t below(std::uint64_t bound) = 0;
};

}  // namespace lichen::ports
