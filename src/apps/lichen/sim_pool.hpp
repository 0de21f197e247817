// SPDX-License-Identifier: Apache-2.0
// Runs worlds in processes of their own, one a core, so that one that crashes or never ends is a result like any other.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/units.hpp"

namespace lichen::tool {

struct Ended {
  std::uint64_t item = 0;
  std::string result;  // what the work returned
  std::string death;   // not empty: its process died of this instead
};

struct Pool {
  unsigned jobs = 1;
  TimeNs limit_ns = 10 * kMinuteNs;  // for one item: then its process is killed
};

// Gives the items that next() returns to `work` in child processes until it returns nothing, or done() returns false;
// then what still runs is stopped. tick() is called a few times a second (may be empty). next, done and tick run here.
void run_apart(const Pool& pool, const std::function<std::optional<std::uint64_t>()>& next,
               const std::function<std::string(std::uint64_t)>& work, const std::function<bool(const Ended&)>& done,
               const std::function<void()>& tick = {});

[[nodiscard]] unsigned cores();

}  // namespace lichen::tool
