// SPDX-License-Identifier: Apache-2.0
#include "sim/witness.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace lichen::sim {
namespace {

// Far above what two hundred requests at once need; far below what a loop that never sleeps does.
constexpr std::uint32_t kWakesPerSecondMax = 2000;

}  // namespace

void Witness::agent_started() {
  for (Rung& r : rungs_) r = Rung{};
  starts_ = 0;
  wakes_ = 0;
}

std::optional<Finding> Witness::rung_event(TimeNs now_ns, std::uint32_t rung, ladder::RungEvent event) {
  Rung& r = rungs_[rung];
  switch (event) {
    case ladder::RungEvent::kStarted:
      ++starts_;
      if (rung < limits_.best_rung)
        return Finding{"a rung that takes too much power is not started", fmt::format("rung {}", rung)};
      if (config_->rungs[rung].kind == ladder::RungKind::kCloud && !limits_.link_up)
        return Finding{"a cloud rung is left alone while the link is down", fmt::format("rung {}", rung)};
      if (now_ns < r.not_before_ns) {
        return Finding{"a rung that keeps failing is left alone for a while",
                       fmt::format("rung {} was started {} ns too early", rung, r.not_before_ns - now_ns)};
      }
      return std::nullopt;
    case ladder::RungEvent::kReady:
      r.ready_ns = now_ns;
      return std::nullopt;
    case ladder::RungEvent::kServes:
      if (r.failed && now_ns - r.ready_ns < config_->step_up_dwell_ns) {
        return Finding{"a rung that failed serves only after its dwell time",
                       fmt::format("rung {} serves {} ns after it came back", rung, now_ns - r.ready_ns)};
      }
      r.failed = false;
      return std::nullopt;
    case ladder::RungEvent::kDied:
    case ladder::RungEvent::kWrong:
    case ladder::RungEvent::kHung:
    case ladder::RungEvent::kStartFailed:
    case ladder::RungEvent::kStartHung:
      return failed(now_ns, r);
    case ladder::RungEvent::kBreakerOpened:
      r.failures.clear();
      r.not_before_ns = now_ns + config_->breaker.open_ns;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Finding> Witness::failed(TimeNs now_ns, Rung& r) {
  r.failed = true;
  r.failures.push_back(now_ns);
  if (r.failures.size() > config_->breaker.failures_max) r.failures.erase(r.failures.begin());
  const bool too_many =
      r.failures.size() == config_->breaker.failures_max && now_ns - r.failures.front() <= config_->breaker.window_ns;
  if (too_many) r.not_before_ns = now_ns + config_->breaker.open_ns;
  return std::nullopt;
}

std::optional<Finding> Witness::woke(TimeNs now_ns) {
  if (now_ns - second_ns_ >= kSecondNs) {
    second_ns_ = now_ns;
    wakes_ = 0;
  }
  if (++wakes_ <= kWakesPerSecondMax) return std::nullopt;
  return Finding{"the agent sleeps when nothing is due", fmt::format("it woke {} times in one second", wakes_)};
}

std::optional<Finding> Witness::step(const ladder::Ladder& ladder) const {
  const ladder::LadderCounters& c = ladder.counters();
  const std::uint64_t allowed_ppm =
      static_cast<std::uint64_t>(kWholePpm) + c.admitted * static_cast<std::uint64_t>(config_->hedge_budget_ppm);
  if (c.hedges * static_cast<std::uint64_t>(kWholePpm) <= allowed_ppm) return std::nullopt;
  return Finding{"hedges stay within their budget", fmt::format("{} hedges of {} requests", c.hedges, c.admitted)};
}

std::optional<Finding> Witness::spent(TimeNs in_ns, std::uint64_t jobs) const {
  const ladder::RungConfig& best = config_->rungs[0];
  if (best.jobs_per_day_max == 0) return std::nullopt;
  const auto earned = static_cast<std::uint64_t>(in_ns / (24 * kHourNs / best.jobs_per_day_max)) + 1;
  if (jobs <= earned + best.jobs_burst_max) return std::nullopt;
  return Finding{"a cloud rung keeps within its budget",
                 fmt::format("{} jobs, {} were allowed", jobs, earned + best.jobs_burst_max)};
}

std::optional<Finding> Witness::calm(TimeNs now_ns, const ladder::Ladder& ladder) const {
  std::uint32_t loaded = 0;
  for (std::uint32_t rung = 0; rung < ladder.rungs(); ++rung) {
    const ladder::RungStatus status = ladder.rung_status(now_ns, rung);
    const bool worker = status.kind == ladder::RungKind::kWorker;
    loaded += worker && (status.state == ladder::RungState::kReady || status.state == ladder::RungState::kStarting);
  }
  if (config_->strategy == ladder::Strategy::kCascade) return std::nullopt;  // all of them are needed
  const std::uint32_t voters = config_->strategy == ladder::Strategy::kVote ? config_->vote_rungs : 0;
  if (loaded <= std::max(config_->workers_loaded_max, voters)) return std::nullopt;
  return Finding{"spares are unloaded when better rungs are well",
                 fmt::format("{} workers are loaded, {} would do", loaded, config_->workers_loaded_max)};
}

}  // namespace lichen::sim
