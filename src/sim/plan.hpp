// SPDX-License-Identifier: Apache-2.0
// Everything that decides a run: the seed, the shape of the world, its devices, its strikes, its times. Two runs of one
// plan are the same run. As JSON a plan is a world file, which `lichen sim replay` takes and `lichen sim shrink`
// writes.
//
// The phases of a run:
//   0 .. faults_until_ns            safety: faults strike
//   faults_until_ns                 a core is healed: all of a device, or some of its rungs; the rest stays broken
//   .. + kConvergeNs                the core converges
//   .. end_ns                       liveness: what the core can answer is answered
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/units.hpp"
#include "sim/options.hpp"

namespace lichen::sim {

inline constexpr TimeNs kHealNs = 30 * kMinuteNs;
// Within this a healed core must be back. The longest that anything waits on purpose is an open breaker (five minutes);
// a start that hangs and a kill that gets lost may come on top.
inline constexpr TimeNs kConvergeNs = 10 * kMinuteNs;

// What differs in kind from seed to seed. Numbers of devices differ within it.
struct Shape {
  // Ladders.
  std::int64_t worker_rungs_min = 0;
  std::int64_t worker_rungs_max = 0;
  std::int64_t reflex_ppm = 0;  // of devices: their ladder ends in a reflex rung
  std::int64_t queue_min = 0;
  std::int64_t queue_max = 0;
  std::int64_t workers_loaded_max = 0;
  std::int64_t health_period_ns = 0;
  std::int64_t step_up_dwell_ns = 0;
  std::int64_t hedge_budget_ppm = 0;
  std::int64_t reserve_ns = 0;
  std::int64_t hang_timeout_ns = 0;
  std::int64_t start_timeout_ns = 0;
  std::int64_t breaker_failures_max = 0;
  std::int64_t breaker_window_ns = 0;
  std::int64_t breaker_open_ns = 0;
  std::int64_t breaker_open_max_ns = 0;
  // Clients.
  std::int64_t request_every_ns = 0;
  std::int64_t deadline_min_ns = 0;
  std::int64_t deadline_max_ns = 0;
  std::int64_t min_rung_ppm = 0;  // of requests: they ask for a given rung at least
  // Workers.
  std::int64_t start_ns = 0;
  std::int64_t job_ns = 0;   // of the best rung
  std::int64_t kill_ns = 0;  // from the kill of a worker to its end
  // Faults.
  std::int64_t fault_lasts_max_ns = 0;
  std::int64_t core_ppm = 0;  // of devices: only some of their rungs are healed
  std::int64_t lost_ppm = 0;  // of devices: nothing is healed; they only have to be safe
  // Strategies: the others take the best rung first.
  std::int64_t vote_ppm = 0;     // of devices: their rungs vote
  std::int64_t cascade_ppm = 0;  // of devices: the cheapest rung first
  std::int64_t cloud_ppm = 0;    // of devices: the best rung is elsewhere
  std::array<std::int64_t, kFaultKinds> fault_rate_percent{};  // of the table's rates

  friend bool operator==(const Shape&, const Shape&) = default;
};

struct ShapeField {
  std::string_view name;
  std::int64_t Shape::* value;
  std::int64_t plain;
  std::int64_t low;  // what a swarm may choose
  std::int64_t high;
};
[[nodiscard]] const std::vector<ShapeField>& shape_fields();
[[nodiscard]] Shape plain_shape();
[[nodiscard]] Shape swarm_shape(std::uint64_t seed);
// What is not as in the plain shape: "queue_max 23, slow 40 %".
[[nodiscard]] std::string to_text(const Shape& shape);

struct Plan {
  std::uint64_t seed = 1;
  std::vector<std::uint32_t> devices;  // their numbers, which their random streams depend on
  TimeNs requests_from_ns = 0;
  TimeNs requests_until_ns = 0;
  TimeNs faults_until_ns = 0;
  TimeNs end_ns = 0;
  bool liveness = true;  // check it at the end
  std::uint32_t faults = 0;
  Shape shape;
  std::optional<std::vector<Strike>> strikes;  // instead of those that seed, shape and faults give

  friend bool operator==(const Plan&, const Plan&) = default;
};

[[nodiscard]] Plan plan_of(const Options& options);

[[nodiscard]] Json to_json(const Plan& plan);
// kBadInput with the key that is missing or out of range.
[[nodiscard]] Result<Plan> plan_from_json(const Json& json, std::string_view where);

}  // namespace lichen::sim
