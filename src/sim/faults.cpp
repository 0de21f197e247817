// SPDX-License-Identifier: Apache-2.0
#include "sim/faults.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "sim/plan.hpp"

namespace lichen::sim {
namespace {

constexpr std::array<FaultRow, kFaultKinds> kRows = {{
    {kWorkerDeath, "worker-death", 20 * kMinuteNs, false},
    {kWorkerHang, "worker-hang", 40 * kMinuteNs, false},
    {kSlowAnswers, "slow", 60 * kMinuteNs, true},
    {kStartFailures, "start-failures", 120 * kMinuteNs, true},
    {kDiskFaults, "disk", 90 * kMinuteNs, true},
    {kClockJumps, "clock", 240 * kMinuteNs, false},
    {kAgentRestarts, "agent-restarts", 120 * kMinuteNs, false},
    {kPowerCuts, "power-cuts", 180 * kMinuteNs, false},
    {kBursts, "bursts", 60 * kMinuteNs, false},
    {kBadInputs, "bad-inputs", 120 * kMinuteNs, true},
    {kStuckKills, "stuck-kills", 120 * kMinuteNs, true},
    {kAgentStops, "agent-stops", 180 * kMinuteNs, false},
    {kCorruption, "corruption", 120 * kMinuteNs, false},
    {kPowerLow, "power-low", 180 * kMinuteNs, true},
    {kLinkDown, "link-down", 90 * kMinuteNs, true},
}};

// Streams of whole worlds have the purpose 1 and up, those of devices 16 and up (device_world.cpp), strikes from here.
constexpr std::uint64_t kSwarmPurpose = 1;
constexpr std::uint64_t kStrikePurpose = 1024;
constexpr std::uint32_t kSwarmOnPpm = 600'000;

}  // namespace

const FaultRow& fault_row(std::uint32_t kind) {
  LICHEN_ASSERT(kind < kFaultKinds && kRows[kind].fault == 1u << kind);
  return kRows[kind];
}

std::optional<std::uint32_t> kind_of(std::string_view name) {
  for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) {
    if (kRows[kind].name == name) return kind;
  }
  return std::nullopt;
}

std::uint32_t swarm_faults(std::uint64_t seed) {
  fakes::SeededRandom random(seed, ~0ull, kSwarmPurpose);
  std::uint32_t faults = 0;
  for (const FaultRow& row : kRows) {
    if (random.chance(kSwarmOnPpm)) faults |= row.fault;
  }
  return faults;
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
    const auto kind = kind_of(name);
    if (!kind) {
      return fail(Code::kBadInput, "unknown fault", std::string(name), {},
                  fmt::format("use all, none, swarm, or some of {}", faults_to_text(kAllFaults)));
    }
    faults |= 1u << *kind;
  }
  return faults;
}

std::string faults_to_text(std::uint32_t faults) {
  std::string text;
  for (const FaultRow& row : kRows) {
    if ((faults & row.fault) == 0) continue;
    if (!text.empty()) text += ',';
    text += row.name;
  }
  return text.empty() ? "none" : text;
}

StrikeSource::StrikeSource(const Plan& plan, std::uint32_t device) : until_ns_(plan.faults_until_ns) {
  if (plan.strikes) {
    std::ranges::copy_if(*plan.strikes, std::back_inserter(listed_),
                         [&](const Strike& s) { return s.device == device; });
    std::ranges::stable_sort(listed_, {}, &Strike::at_ns);
    return;
  }
  for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) {
    if ((plan.faults & kRows[kind].fault) == 0) continue;
    Stream& stream = streams_.emplace_back(Stream{
        .random = fakes::SeededRandom(plan.seed, device, kStrikePurpose + kind),
        .next = {.device = device, .kind = kind},
        .mean_ns =
            std::max<TimeNs>(kRows[kind].mean_interval_ns * 100 / plan.shape.fault_rate_percent[kind], kSecondNs),
        .lasts_max_ns = plan.shape.fault_lasts_max_ns});
    draw(stream);
    stream.next.number = 0;
  }
}

// The stream's next strike; always as many draws, whatever becomes of it.
void StrikeSource::draw(Stream& stream) {
  Strike& s = stream.next;
  s.at_ns += stream.random.between(1, 2 * stream.mean_ns);
  const TimeNs lasts_ns = stream.random.between(kSecondNs, stream.lasts_max_ns);
  s.lasts_ns = kRows[s.kind].lasts ? lasts_ns : 0;
  s.severity_ppm = static_cast<std::uint32_t>(stream.random.below(kWholePpm + 1));
  s.draw = stream.random.next();
  ++s.number;
}

std::optional<Strike> StrikeSource::next() {
  if (!listed_.empty()) {
    if (at_ == listed_.size() || listed_[at_].at_ns >= until_ns_) return std::nullopt;
    return listed_[at_++];
  }
  Stream* first = nullptr;
  for (Stream& stream : streams_) {
    if (first == nullptr || stream.next.at_ns < first->next.at_ns) first = &stream;
  }
  if (first == nullptr || first->next.at_ns >= until_ns_) return std::nullopt;
  const Strike strike = first->next;
  draw(*first);
  return strike;
}

std::vector<Strike> all_strikes(const Plan& plan) {
  std::vector<Strike> strikes;
  for (const std::uint32_t device : plan.devices) {
    StrikeSource source(plan, device);
    while (const auto strike = source.next()) strikes.push_back(*strike);
  }
  return strikes;
}

}  // namespace lichen::sim
