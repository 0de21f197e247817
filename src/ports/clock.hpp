// SPDX-License-Identifier: Apache-2.0
// Time from outside. Deciders are handed `now_ns` with every event and use this only for the wall clock.
#pragma once

#include <cstdint>

#include "base/units.hpp"

namespace lichen::ports {

class Clock {
 public:
  virtual ~Clock();
  // Monotonic time; never goes back, stops while the machine is suspended.
  [[nodiscard]] virtual TimeNs now_ns() const = 0;
  // Seconds since 1970-01-01 UTC. May be wrong or jump: for showing and recording, never for deciding.
  [[nodiscard]] virtual std::int64_t wall_s() const = 0;
};

}  // namespace lichen::ports
