// SPDX-License-Identifier: Apache-2.0
// What a run found: counts, the hash of its trace, and the first broken invariant if there is one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "base/probe.hpp"
#include "base/units.hpp"
#include "ports/inference.hpp"
#include "sim/plan.hpp"

namespace lichen::sim {

struct Violation {
  std::string invariant;  // "every admitted request ends once"
  std::string detail;
  std::uint32_t device = 0;
  TimeNs time_ns = 0;
};

struct Report {
  Plan plan;  // without its strikes
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;

  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::array<std::uint64_t, ports::kRungsMax> by_rung{};
  std::array<std::uint64_t, ports::kAnswerReasons> by_reason{};
  std::array<std::uint64_t, ports::kRefusalReasons> refused{};
  std::uint64_t unreachable = 0;  // the agent was down: the client could not connect
  std::uint64_t cut = 0;          // the agent died with the request: the client saw the connection break
  TimeNs worst_latency_ns = 0;
  std::uint64_t hedges = 0;
  std::uint64_t rescues = 0;

  std::uint64_t worker_starts = 0;
  std::uint64_t worker_deaths = 0;
  std::uint64_t worker_hangs = 0;
  std::uint64_t start_failures = 0;
  std::uint64_t breakers_opened = 0;
  std::uint64_t breakers_closed = 0;
  std::uint64_t agent_restarts = 0;
  std::uint64_t agent_stops = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t disk_faults = 0;

  std::optional<Violation> violation;
  ProbeCounts probes{};
};

[[nodiscard]] Json to_json(const Violation& violation);

// The command that runs it again.
[[nodiscard]] std::string replay_command(const Report& report);
[[nodiscard]] std::string to_text(const Report& report);
[[nodiscard]] Json to_json(const Report& report);

}  // namespace lichen::sim
