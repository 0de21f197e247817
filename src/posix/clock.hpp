// SPDX-License-Identifier: Apache-2.0
// The machine's clocks behind the Clock port.
#pragma once

#include "ports/clock.hpp"

namespace lichen::posix {

class MonotonicClock final : public ports::Clock {
 public:
  [[nodiscard]] TimeNs now_ns() const override;
  [[nodiscard]] std::int64_t wall_s() const override;
};

}  // namespace lichen::posix
