// SPDX-License-Identifier: Apache-2.0
#include "posix/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "base/assert.hpp"

namespace lichen::posix {

std::uint64_t KernelRandom::next() {
  if (left_ == 0) {
    auto* at = reinterpret_cast<unsigned char*>(block_.data());
    std::size_t missing = sizeof block_;
    while (missing > 0) {
      const ssize_t got = ::getrandom(at, missing, 0);
      if (got < 0 && errno == EINTR) continue;
      LICHEN_ASSERT(got > 0);  // without flags it fails for bad arguments only
      at += got;
      missing -= static_cast<std::size_t>(got);
    }
    left_ = block_.size();
  }
  return block_[--left_];
}

std::uint64_t KernelRandom::below(std::uint64_t bound) {
  LICHEN_ASSERT(bound > 0);
  // Values below 2^64 mod bound are drawn again, so that every remainder is equally likely.
  const std::uint64_t biased = (0 - bound) % bound;
  std::uint64_t value = next();
  while (value < biased) value = next();
  return value % bound;
}

}  // namespace lichen::posix
