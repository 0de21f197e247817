// SPDX-License-Identifier: Apache-2.0
#include "posix/clock.hpp"

#include <time.h>

namespace lichen::posix {

TimeNs MonotonicClock::now_ns() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

std::int64_t MonotonicClock::wall_s() const {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec;
}

}  // namespace lichen::posix
