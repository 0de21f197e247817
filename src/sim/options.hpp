// SPDX-License-Identifier: Apache-2.0
// What a simulated run is asked to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/units.hpp"

namespace lichen::sim {

// Kinds of trouble, as bits.
enum Fault : std::uint32_t {
  kWorkerDeath = 1u << 0,    // workers die, idle or with a job
  kWorkerHang = 1u << 1,     // workers stop answering until they are killed
  kSlowAnswers = 1u << 2,    // jobs take up to 200 times longer for a while
  kStartFailures = 1u << 3,  // workers cannot be started for a while, or hang while starting
  kDiskFaults = 1u << 4,     // slow, failing, never completing operations; failed syncs
  kClockJumps = 1u << 5,     // the wall clock jumps by up to ten years
  kAgentRestarts = 1u << 6,  // the agent is killed; its state directory stays as the page cache has it
  kPowerCuts = 1u << 7,      // the power goes: what was not synced is lost, torn or reordered
  kBursts = 1u << 8,         // many requests at once
  kBadInputs = 1u << 9,      // models refuse some inputs
};
inline constexpr std::uint32_t kNoFaults = 0;
inline constexpr std::uint32_t kAllFaults = (1u << 10) - 1;

struct Options {
  std::uint64_t seed = 1;
  std::uint32_t devices = 100;
  std::uint32_t hours = 24;
  // A set of Fault bits; nothing: a set chosen by the seed (swarm testing), of its own for every run.
  std::optional<std::uint32_t> faults;
  TimeNs request_every_ns = 10 * kSecondNs;  // per device, on average
};

inline constexpr std::uint32_t kDevicesMax = 1'000'000;
inline constexpr std::uint32_t kHoursMax = 24 * 366;

// "all", "none", "swarm", or names joined by commas ("worker-death,disk").
[[nodiscard]] Result<std::optional<std::uint32_t>> parse_faults(std::string_view text);
[[nodiscard]] std::string faults_to_text(std::uint32_t faults);

}  // namespace lichen::sim
