// SPDX-License-Identifier: Apache-2.0
// The kinds of trouble, and when they strike. A strike is an entry in a plan: when, how long, how hard. It is drawn
// from a stream of its own for each device and kind, so leaving one out moves no other; or it is listed one by one (a
// world file).
//
// A new kind of fault is a bit here, a row in faults.cpp (name, how often) and a row in device_faults.cpp (what it
// does).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "fakes/random.hpp"

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
  kStuckKills = 1u << 10,    // a killed worker does not go for a long time
  kAgentStops = 1u << 11,    // the agent is asked to stop, and starts again
  kCorruption = 1u << 12,    // bits flip in a worker: from then on it answers wrongly
  kPowerLow = 1u << 13,      // the best rungs take too much power for a while
  kLinkDown = 1u << 14,      // cloud rungs cannot be reached for a while
};
inline constexpr std::uint32_t kFaultKinds = 15;
inline constexpr std::uint32_t kNoFaults = 0;
inline constexpr std::uint32_t kAllFaults = (1u << kFaultKinds) - 1;

struct FaultRow {
  Fault fault;
  std::string_view name;
  TimeNs mean_interval_ns;  // between two strikes of this kind on one device
  bool lasts;               // it ends again after a while; the others strike once
};
[[nodiscard]] const FaultRow& fault_row(std::uint32_t kind);
[[nodiscard]] std::optional<std::uint32_t> kind_of(std::string_view name);

// "all", "none", "swarm" (nothing), or names joined by commas ("worker-death,disk").
[[nodiscard]] Result<std::optional<std::uint32_t>> parse_faults(std::string_view text);
[[nodiscard]] std::string faults_to_text(std::uint32_t faults);
// A set of faults that the seed chooses.
[[nodiscard]] std::uint32_t swarm_faults(std::uint64_t seed);

struct Strike {
  std::uint32_t device = 0;
  std::uint32_t kind = 0;    // the bit's index
  std::uint32_t number = 0;  // of its device and kind, from 0: "worker-death 3 of device 7"
  TimeNs at_ns = 0;
  TimeNs lasts_ns = 0;             // 0: it strikes once
  std::uint32_t severity_ppm = 0;  // how hard, within what its kind can do
  std::uint64_t draw = 0;          // whatever else its kind leaves to chance

  friend bool operator==(const Strike&, const Strike&) = default;
};

struct Plan;

// The strikes of one device in the order of their times.
class StrikeSource {
 public:
  StrikeSource(const Plan& plan, std::uint32_t device);
  // The next one before the plan's faults end; nothing when there is none.
  [[nodiscard]] std::optional<Strike> next();

 private:
  struct Stream {
    fakes::SeededRandom random;
    Strike next;
    TimeNs mean_ns = 0;
    TimeNs lasts_max_ns = 0;
  };
  static void draw(Stream& stream);

  std::vector<Stream> streams_;  // one a kind that is on
  std::vector<Strike> listed_;   // in the order of their times
  std::size_t at_ = 0;
  TimeNs until_ns_ = 0;
};

// All strikes of a plan, device by device: what a world file lists.
[[nodiscard]] std::vector<Strike> all_strikes(const Plan& plan);

}  // namespace lichen::sim
