// SPDX-License-Identifier: Apache-2.0
// Makes a world that breaks an invariant as small as it can be while it still breaks the same one: first everything
// after the violation goes, then devices, whole kinds of faults, single strikes (delta debugging, Zeller and
// Hildebrandt 2002), requests and what is left of strikes. Strikes are a list by then, so leaving one out moves no
// other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "sim/plan.hpp"
#include "sim/report.hpp"

namespace lichen::sim {

struct Shrunk {
  Plan plan;  // with its strikes listed
  Violation violation;
  std::size_t devices_before = 0;
  std::size_t strikes_before = 0;
  std::uint64_t runs = 0;
  bool finished = false;  // nothing more can be left out; else the time was over
};

struct ShrinkHooks {
  // Runs the plan: what it breaks, or nothing.
  std::function<std::optional<Violation>(const Plan&)> broken_by;
  std::function<bool()> time_is_over;
  std::function<void(std::string_view step, const Shrunk&)> progress;  // may be empty
};

// `plan` must break `violation` when it runs.
[[nodiscard]] Shrunk shrink(const Plan& plan, const Violation& violation, const ShrinkHooks& hooks);

}  // namespace lichen::sim
