// SPDX-License-Identifier: Apache-2.0
// What each kind of fault does to a device, and what is healed at the end.
#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "sim/device_world.hpp"

namespace lichen::sim {
namespace {

constexpr std::uint64_t kFatePurpose = 40;
constexpr std::uint32_t kBurstMax = 120;
constexpr std::uint32_t kSlowestTimes = 200;
constexpr std::uint32_t kHalfPpm = 500'000;
constexpr TimeNs kAgentDownMaxNs = 5 * kSecondNs;
constexpr TimeNs kPowerGoneMaxNs = 5 * kMinuteNs;

// `most` for the hardest strike, `least` for the mildest.
std::uint32_t scaled(const Strike& s, std::uint32_t least, std::uint32_t most) {
  return least + static_cast<std::uint32_t>(std::uint64_t{s.severity_ppm} * (most - least) / kWholePpm);
}

// Half of the strikes on workers meet all rungs, half only one.
bool meets(const Strike& s, std::uint32_t rung, std::uint32_t rungs) {
  SplitMix64 random(s.draw);
  const bool all = random.chance(kHalfPpm);
  return all || random.below(rungs) == rung;
}

std::uint64_t id_of(const Strike& s) {
  return (std::uint64_t{s.kind} << 32) | s.number;
}

}  // namespace

struct FaultEffects {
  using Once = void (*)(DeviceWorld&, const Strike&);
  using Lasting = void (*)(const Strike&, fakes::WorkerTrouble&);

  static TimeNs drawn(const Strike& s, TimeNs low_ns, TimeNs high_ns) {
    return low_ns + static_cast<TimeNs>(SplitMix64(s.draw).below(static_cast<std::uint64_t>(high_ns - low_ns) + 1));
  }

  static void nothing(DeviceWorld&, const Strike&) {}
  static void worker_dies(DeviceWorld& d, const Strike& s) { d.workers_.strike(s.draw, false); }
  static void worker_freezes(DeviceWorld& d, const Strike& s) { d.workers_.strike(s.draw, true); }
  static void clock_jumps(DeviceWorld& d, const Strike& s) {
    d.shared_.queue.set_wall_offset_s(drawn(s, 0, 600'000'000) - 300'000'000);
  }
  // A device uses its disk most when it starts: it starts in the middle of the trouble.
  static void disk_breaks(DeviceWorld& d, const Strike& s) {
    d.disk_troubled_ = true;
    agent_dies(d, s);
  }
  static void agent_dies(DeviceWorld& d, const Strike& s) {
    d.kill_agent(drawn(s, 10 * kMillisecondNs, kAgentDownMaxNs), false);
  }
  static void agent_stops(DeviceWorld& d, const Strike& s) {
    d.ask_agent_to_stop(drawn(s, 10 * kMillisecondNs, kAgentDownMaxNs));
  }
  static void power_goes(DeviceWorld& d, const Strike& s) {
    d.kill_agent(drawn(s, 5 * kSecondNs, kPowerGoneMaxNs), true);
  }
  static void burst(DeviceWorld& d, const Strike& s) {
    const std::uint32_t count = scaled(s, 1, kBurstMax);
    for (std::uint32_t i = 0; i < count && d.device_; ++i) d.ask(s.draw + i);
  }

  // The memory of a cloud rung is not this device's.
  static void bits_flip(DeviceWorld& d, const Strike& s) {
    d.workers_.corrupt(s.draw, d.setup_.ladder.rungs[0].kind == ladder::RungKind::kCloud ? 1 : 0);
  }

  static void slow(const Strike& s, fakes::WorkerTrouble& t) {
    t.slowdown = std::max(t.slowdown, scaled(s, 3, kSlowestTimes));
  }
  static void starts_fail(const Strike& s, fakes::WorkerTrouble& t) {
    t.start_fails_ppm = std::max(t.start_fails_ppm, scaled(s, 100'000, kWholePpm));
    t.start_hangs_ppm = std::max(t.start_hangs_ppm, scaled(s, 0, 200'000));
    t.job_dies_ppm = std::max(t.job_dies_ppm, scaled(s, 0, 300'000));
  }
  static void refuses(const Strike& s, fakes::WorkerTrouble& t) {
    t.job_refused_ppm = std::max(t.job_refused_ppm, scaled(s, 50'000, 600'000));
  }
  static void kills_stick(const Strike& s, fakes::WorkerTrouble& t) {
    t.kill_stuck_ppm = std::max(t.kill_stuck_ppm, scaled(s, 100'000, kWholePpm));
  }

  // What stays broken for good when only a core is healed.
  static void always_dies(fakes::WorkerTrouble& t) { t.job_dies_ppm = kWholePpm; }
  static void always_hangs(fakes::WorkerTrouble& t) { t.job_hangs_ppm = kWholePpm; }
  static void always_slow(fakes::WorkerTrouble& t) { t.slowdown = kSlowestTimes; }
  static void never_starts(fakes::WorkerTrouble& t) { t.start_fails_ppm = kWholePpm; }
  static void always_refuses(fakes::WorkerTrouble& t) { t.job_refused_ppm = kWholePpm; }

  struct Row {
    Fault fault;
    Once strike;                             // once, when it strikes
    Lasting trouble;                         // while it lasts: to the workers of the rungs that it meets; may be null
    void (*forever)(fakes::WorkerTrouble&);  // what it makes of a rung that is not healed; may be null
  };
  static constexpr std::array<Row, kFaultKinds> kRows = {{
      {kWorkerDeath, worker_dies, nullptr, always_dies},
      {kWorkerHang, worker_freezes, nullptr, always_hangs},
      {kSlowAnswers, nothing, slow, always_slow},
      {kStartFailures, nothing, starts_fail, never_starts},
      {kDiskFaults, disk_breaks, nullptr, nullptr},
      {kClockJumps, clock_jumps, nullptr, nullptr},
      {kAgentRestarts, agent_dies, nullptr, nullptr},
      {kPowerCuts, power_goes, nullptr, nullptr},
      {kBursts, burst, nullptr, nullptr},
      {kBadInputs, nothing, refuses, always_refuses},
      {kStuckKills, nothing, kills_stick, nullptr},
      {kAgentStops, agent_stops, nullptr, nullptr},
      {kCorruption, bits_flip, nullptr, nullptr},
      {kPowerLow, nothing, nullptr, nullptr},
      {kLinkDown, nothing, nullptr, nullptr},
  }};
  static const Row& row(std::uint32_t kind) {
    LICHEN_ASSERT(kind < kFaultKinds && kRows[kind].fault == 1u << kind);
    return kRows[kind];
  }
};

// Most devices are healed in whole; some only in part: a subset of their rungs, and the rest stays broken, each rung in
// its own way; and some not at all.
void DeviceWorld::choose_fate() {
  fakes::SeededRandom random = stream(kFatePurpose);
  const auto rungs = static_cast<std::uint32_t>(setup_.ladder.rungs.size());
  const std::uint32_t all = (1u << rungs) - 1;
  const auto chosen = static_cast<std::int64_t>(random.below(kWholePpm));
  const auto core = static_cast<std::uint32_t>(1 + random.below(all));
  std::vector<std::uint32_t> ways;
  for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) {
    if ((shared_.plan.faults & (1u << kind)) != 0 && FaultEffects::row(kind).forever != nullptr) ways.push_back(kind);
  }
  const Shape& shape = shared_.plan.shape;
  healed_ = all;
  if (ways.empty()) return;
  if (chosen < shape.lost_ppm) {
    healed_ = 0;
  } else if (chosen < shape.lost_ppm + shape.core_ppm) {
    healed_ = core;
  }
  for (std::uint32_t rung = 0; rung < rungs; ++rung) {
    const std::uint32_t kind = ways[static_cast<std::size_t>(random.below(ways.size()))];
    if ((healed_ & (1u << rung)) == 0) forever_.push_back({.device = number_, .kind = kind, .number = rung});
  }
}

// Whether a healed rung at or above `min_rung` must be there. A rung that is only slow counts as loaded: where slow
// ones fill every place, the ladder loads nothing beneath them, and nothing can be asked of it.
bool DeviceWorld::core_can_answer(std::uint32_t min_rung) const {
  const ladder::LadderConfig& l = setup_.ladder;
  if (l.strategy != ladder::Strategy::kBestFirst && !forever_.empty()) return false;
  const std::uint32_t spent = l.rungs[0].jobs_per_day_max > 0 ? 1 : 0;  // its budget may be
  const std::uint32_t healed = healed_ & ~spent;
  const std::uint32_t needed = l.strategy == ladder::Strategy::kVote ? l.vote_rungs / 2 + 1 : 1;
  if (std::min<std::uint32_t>(min_rung + 1, static_cast<std::uint32_t>(l.rungs.size())) < needed + spent) return false;
  if (healed == 0 || static_cast<std::uint32_t>(std::countr_zero(healed)) > min_rung) return false;
  const auto slow = std::ranges::count_if(forever_, [](const Strike& s) { return 1u << s.kind == kSlowAnswers; });
  return slow < shared_.plan.shape.workers_loaded_max;
}

void DeviceWorld::schedule_strike() {
  next_strike_ = strikes_.next();
  if (next_strike_) push(std::max<TimeNs>(next_strike_->at_ns - now_ns(), 0), kStrikeEvent, id_of(*next_strike_));
}

void DeviceWorld::strike() {
  const Strike s = *next_strike_;
  note(Happening::What::kStrike, 0, s.kind, s.lasts_ns);
  if (s.lasts_ns > 0) {
    active_.push_back(s);
    push(s.lasts_ns, kStrikeEndEvent, id_of(s));
  }
  FaultEffects::row(s.kind).strike(*this, s);
  apply_trouble();
  schedule_strike();
}

void DeviceWorld::end_strike(std::uint64_t id) {
  std::erase_if(active_, [&](const Strike& s) { return id_of(s) == id; });
  apply_trouble();
}

void DeviceWorld::heal() {
  note(Happening::What::kHealed, 0, healed_);
  healed_now_ = true;
  if (healed_ != 0) active_.clear();
  apply_trouble();
}

// The trouble is what the strikes that are active make of it, whatever the order in which they came.
void DeviceWorld::apply_trouble() {
  const auto rungs = static_cast<std::uint32_t>(setup_.ladder.rungs.size());
  disk_troubled_ = false;
  reflex_refuses_ppm_ = 0;
  ladder::Limits limits;
  std::array<fakes::WorkerTrouble, ports::kRungsMax> trouble{};
  for (const Strike& s : active_) {
    const FaultEffects::Row& row = FaultEffects::row(s.kind);
    disk_troubled_ = disk_troubled_ || row.fault == kDiskFaults;
    limits.link_up = limits.link_up && row.fault != kLinkDown;
    if (row.fault == kPowerLow) limits.best_rung = std::max(limits.best_rung, scaled(s, 0, rungs - 1));
    if (row.trouble == nullptr) continue;
    for (std::uint32_t rung = 0; rung < rungs; ++rung) {
      if (meets(s, rung, rungs)) row.trouble(s, trouble[rung]);
    }
  }
  if (healed_now_) {
    for (const Strike& s : forever_) FaultEffects::row(s.kind).forever(trouble[s.number]);
  }
  for (std::uint32_t rung = 0; rung < rungs; ++rung) workers_.set_trouble(rung, trouble[rung]);
  reflex_refuses_ppm_ = trouble[rungs - 1].job_refused_ppm;
  set_limits(limits);
}

}  // namespace lichen::sim
