// SPDX-License-Identifier: Apache-2.0
#include "sim/faults.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

#include "fakes/random.hpp"

namespace lichen::sim {
namespace {

struct Row {
  Fault fault;
  std::string_view name;
  TimeNs mean_interval_ns;
};

constexpr std::array<Row, kFaultKinds> kRows = {{
    {kWorkerDeath, "worker-death", 20 * kMinuteNs},
    {kWorkerHang, "worker-hang", 40 * kMinuteNs},
    {kSlowAnswers, "slow", 60 * kMinuteNs},
    {kStartFailures, "start-failures", 120 * kMinuteNs},
    {kDiskFaults, "disk", 90 * kMinuteNs},
    {kClockJumps, "clock", 240 * kMinuteNs},
    {kAgentRestarts, "agent-restarts", 120 * kMinuteNs},
    {kPowerCuts, "power-cuts", 180 * kMinuteNs},
    {kBursts, "bursts", 60 * kMinuteNs},
    {kBadInputs, "bad-inputs", 120 * kMinuteNs},
}};

constexpr std::uint64_t kSwarmPurpose = 1;
constexpr std::uint32_t kSwarmOnPpm = 600'000;

}  // namespace

std::uint32_t chosen_faults(const Options& options) {
  if (options.faults) return *options.faults;
  fakes::SeededRandom random(options.seed, ~0ull, kSwarmPurpose);
  std::uint32_t faults = 0;
  for (const Row& row : kRows) {
    if (random.chance(kSwarmOnPpm)) faults |= row.fault;
  }
  return faults;
}

TimeNs mean_interval_ns(Fault fault) {
  for (const Row& row : kRows) {
    if (row.fault == fault) return row.mean_interval_ns;
  }
  return kHourNs;
}

Result<std::optional<std::uint32_t>> parse_faults(std::string_view text) {
  if (text == "all") return kAllFaults;
  if (text == "none") return kNoFaults;
  if (text == "swarm") return std::nullopt;
  std::uint32_t faults = 0;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    std::uint32_t found = 0;
    for (const Row& row : kRows) {
      if (row.name == name) found = row.fault;
    }
    if (found == 0) {
      return fail(Code::kBadInput, "unknown fault", std::string(name), {},
                  fmt::format("use all, none, swarm, or some of {}", faults_to_text(kAllFaults)));
    }
    faults |= found;
  }
  return faults;
}

std::string faults_to_text(std::uint32_t faults) {
  std::string text;
  for (const Row& row : kRows) {
    if ((faults & row.fault) == 0) continue;
    if (!text.empty()) text += ',';
    text += row.name;
  }
  return text.empty() ? "none" : text;
}

}  // namespace lichen::sim
