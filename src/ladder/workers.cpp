// SPDX-License-Identifier: Apache-2.0
// Workers: who is started, watched, killed and started again.
#include <algorithm>

#include "base/assert.hpp"
#include "base/planted.hpp"
#include "base/probe.hpp"
#include "ladder/ladder.hpp"

namespace lichen::ladder {
namespace {

constexpr TimeNs kDyingTimeoutNs =
    5 * kSecondNs;  // a kill not confirmed by then is given up, and another worker started
// The learned latency: a slower job moves it by an eighth, and counts as at most four times the mean (one stall is not
// the rule); a faster one by a quarter.
constexpr TimeNs kShareUp = 8;
constexpr TimeNs kShareDown = 4;
constexpr TimeNs kOutlier = 4;

}  // namespace

void Ladder::tell(TimeNs now_ns, std::uint32_t rung, RungEvent event, std::string_view detail) {
  ports_.watcher.rung_event(now_ns, model_, rung, event, detail);
}

void Ladder::learn(TimeNs now_ns, Rung& r) const {
  const TimeNs took_ns = now_ns - r.job_since_ns;
  const bool first = r.counters.answers + r.counters.canaries + r.counters.stale == 0;
  const TimeNs off_ns = std::min(took_ns, kOutlier * r.latency_ns) - r.latency_ns;
  const TimeNs moved_ns = r.latency_ns + off_ns / (off_ns > 0 ? kShareUp : kShareDown);
  r.latency_ns = std::max<TimeNs>(1, first ? took_ns : moved_ns);
}

void Ladder::mark_answered(TimeNs now_ns, Rung& r) const {
  r.answered_ns = now_ns;
  r.proved = true;
  r.canary_due_ns = now_ns + health_period_ns(r) / 2;
}

// A ready rung takes requests: at once if it never failed, else after its dwell time and an answer.
void Ladder::settle(TimeNs now_ns, std::uint32_t rung) {
  Rung& r = rungs_[rung];
  if (r.state != RungState::kReady || r.announced || !serves(now_ns, r)) return;
  r.announced = true;
  if (r.proved) {
    const bool was_open = r.breaker.times_opened() > 0;
    r.breaker.proved();
    if (was_open) tell(now_ns, rung, RungEvent::kBreakerClosed);
  }
  tell(now_ns, rung, RungEvent::kServes);
  staff(now_ns);
}

// Voters must be loaded to vote; a cascade goes through all of them.
std::uint32_t Ladder::workers_wanted() const {
  switch (config_.strategy) {
    case Strategy::kBestFirst:
      return config_.workers_loaded_max;
    case Strategy::kVote:
      return std::max(config_.workers_loaded_max, config_.vote_rungs);
    case Strategy::kCascade:
      return rungs();
  }
  return config_.workers_loaded_max;
}

// It serves, but nobody has had an answer from it for a whole health period, although canaries ask twice in one: it
// refuses everything, say. What is loaded beneath it must not be unloaded for its sake.
bool Ladder::silent(TimeNs now_ns, const Rung& r) const {
  const TimeNs since_ns = std::max(r.answered_ns, r.serves_from_ns);
  if (now_ns - since_ns <= health_period_ns(r)) return false;
  probe(Probe::kWorkersSilent);
  return true;
}

// Keeps the best workers_loaded_max worker rungs that are well loaded: one that answers, and warm spares. Rungs that
// are unwell do not count, so a spare is loaded beneath them until they serve again.
void Ladder::staff(TimeNs now_ns) {
  if (stopping_) return;
  std::uint32_t wanted_left = workers_wanted();
  for (std::uint32_t rung = 0; rung < rungs(); ++rung) {
    Rung& r = rungs_[rung];
    if (reflex_rung(rung)) continue;
    const bool cloud = r.config.kind == RungKind::kCloud;  // takes none of this device's memory
    r.wanted = may_be_used(r) && (cloud || wanted_left > 0);
    if (r.wanted && (r.state == RungState::kUnloaded || (r.state == RungState::kDown && now_ns >= r.due_ns))) {
      start_worker(now_ns, rung);
    }
    if (!r.wanted && r.state == RungState::kReady && r.job == 0 && !planted(Bug::kSpareNotUnloaded)) {
      kill(now_ns, rung, RungEvent::kUnloaded);
    }
    const bool well = serves(now_ns, r) && !silent(now_ns, r);
    if (r.wanted && !cloud && (well || starts_first(r))) --wanted_left;
  }
}

void Ladder::start_worker(TimeNs now_ns, std::uint32_t rung) {
  Rung& r = rungs_[rung];
  LICHEN_ASSERT(r.worker == 0);
  r.state = RungState::kStarting;
  r.due_ns = now_ns + r.config.start_timeout_ns;
  ++r.counters.starts;
  r.worker = ports_.workers.start(model_, rung);
  tell(now_ns, rung, RungEvent::kStarted);
}

void Ladder::kill(TimeNs now_ns, std::uint32_t rung, RungEvent why) {
  Rung& r = rungs_[rung];
  const std::uint32_t slot = r.job == 0 ? kNobody : r.job_slot;
  r.state = RungState::kDying;
  r.killed_for = why;
  r.due_ns = now_ns + kDyingTimeoutNs;
  r.job = 0;
  r.job_slot = kNobody;
  ports_.workers.kill(r.worker);
  if (slot != kNobody) hand_down(now_ns, slot, rung, ports::AnswerReason::kHung);
  replace_waiting(now_ns, rung);
}

// Of a ladder that stops. Its end is no failure, whether it comes before the next start or after.
void Ladder::dismiss(TimeNs now_ns, Rung& r) {
  r.state = RungState::kDying;
  r.killed_for = RungEvent::kUnloaded;
  r.due_ns = now_ns + kDyingTimeoutNs;
  r.job = 0;
  r.job_slot = kNobody;
  ports_.workers.kill(r.worker);
}

// As if it had never run: what failed before may have been mended.
void Ladder::refresh(Rung& r) const {
  r.breaker.proved();
  r.proved = false;
  r.answered_ns = -1;
  if (r.config.kind == RungKind::kReflex) return;
  r.announced = false;
  r.known_answer.clear();  // the file may be another one
  r.disputes_in_row = 0;
  r.compared = true;
  r.relapses = 0;
  r.latency_ns = r.config.expected_ns;
  if (r.state == RungState::kDown) r.state = RungState::kUnloaded;
}

void Ladder::count_trouble(Rung& r, RungEvent why) {
  switch (why) {
    case RungEvent::kStartFailed:
    case RungEvent::kStartHung:
      ++r.counters.start_failures;
      break;
    case RungEvent::kHung:
      ++r.counters.hangs;
      break;
    case RungEvent::kWrong:
      ++r.counters.wrong;
      break;
    default:
      ++r.counters.deaths;
      break;
  }
}

// The worker is gone. The state changes first, so that its request cannot be placed on it again.
void Ladder::gone(TimeNs now_ns, std::uint32_t rung, RungEvent why, std::string_view detail) {
  Rung& r = rungs_[rung];
  const std::uint32_t slot = r.job == 0 ? kNobody : r.job_slot;
  r.worker = 0;
  r.job = 0;
  r.job_slot = kNobody;
  r.late_ballot = false;
  r.proved = false;
  r.announced = false;
  if (why == RungEvent::kUnloaded) {
    probe(Probe::kWorkersUnloaded);
    r.state = RungState::kUnloaded;
    tell(now_ns, rung, why);
  } else {
    r.state = RungState::kDown;
    r.due_ns = r.breaker.failed(now_ns);
    r.last_trouble =
        detail.empty() ? std::string(name_of(why)) : std::string(name_of(why)) + ": " + std::string(detail);
    count_trouble(r, why);
    tell(now_ns, rung, why, detail);
    if (r.breaker.state(now_ns) == BreakerState::kOpen) tell(now_ns, rung, RungEvent::kBreakerOpened);
  }
  if (slot != kNobody) hand_down(now_ns, slot, rung, ports::AnswerReason::kWorkerDied);
  replace_waiting(now_ns, rung);
  staff(now_ns);
}

void Ladder::tick_rung(TimeNs now_ns, std::uint32_t rung) {
  Rung& r = rungs_[rung];
  if (reflex_rung(rung)) {
    if (r.state == RungState::kReady && now_ns >= r.canary_due_ns) reflex_canary(now_ns, rung);
    return;
  }
  switch (r.state) {
    case RungState::kStarting:
      if (now_ns < r.due_ns) return;
      probe(Probe::kWorkersStartHung);
      kill(now_ns, rung, RungEvent::kStartHung);
      return;
    case RungState::kDying:
      if (now_ns < r.due_ns || planted(Bug::kDyingForEver)) return;
      probe(Probe::kWorkersKillLost);
      gone(now_ns, rung, r.killed_for, "the kill was not confirmed");
      return;
    case RungState::kReady:
      settle(now_ns, rung);
      if (r.job != 0 && now_ns >= r.job_since_ns + r.config.hang_timeout_ns) {
        probe(Probe::kWorkersHung);
        if (!planted(Bug::kHangNotKilled)) kill(now_ns, rung, RungEvent::kHung);
      } else if (r.state == RungState::kReady && r.job == 0 && now_ns >= r.canary_due_ns) {
        send_canary(now_ns, rung);
      }
      return;
    case RungState::kUnloaded:
    case RungState::kDown:
      return;  // staff() starts it when it is due
  }
}

}  // namespace lichen::ladder
