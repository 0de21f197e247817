// SPDX-License-Identifier: Apache-2.0
// The kernel's random numbers behind the Random port, fetched in blocks. One thread only. Never reuses a number after
// a fork as long as the child does not use the parent's object (workers do not).
#pragma once

#include <array>
#include <cstddef>

#include "ports/random.hpp"

namespace lichen::posix {

class KernelRandom final : public ports::Random {
 public:
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) override;

 private:
  std::uint64_t next();

  std::array<std::uint64_t, 64> block_{};
  std::size_t left_ = 0;
};

}  // namespace lichen::posix
