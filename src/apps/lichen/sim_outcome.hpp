// SPDX-License-Identifier: Apache-2.0
// What one world comes to, small enough to pass from one process to another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "base/probe.hpp"
#include "sim/plan.hpp"
#include "sim/report.hpp"
#include "sim_pool.hpp"

namespace lichen::tool {

struct Outcome {
  std::uint64_t seed = 0;
  std::optional<sim::Violation> violation;
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  bool rechecked = false;  // it was run twice, and both runs were the same
  ProbeCounts probes{};
};

// Runs the plan; twice for every twentieth seed, and then it is a violation if the two differ.
[[nodiscard]] Outcome outcome_of(const sim::Plan& plan, bool recheck);
[[nodiscard]] bool is_rechecked(std::uint64_t seed);  // one in twenty

[[nodiscard]] std::string pack(const Outcome& outcome);
// A process that died is a violation, too.
[[nodiscard]] Outcome unpack(const Ended& ended);

}  // namespace lichen::tool
