// SPDX-License-Identifier: Apache-2.0
// The ladder's surface: events in, status out. What they do to requests is in placing.cpp, to workers in workers.cpp.
#include "ladder/ladder.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/planted.hpp"
#include "base/probe.hpp"

namespace lichen::ladder {

Watcher::~Watcher() = default;

std::string_view name_of(RungState state) {
  switch (state) {
    case RungState::kUnloaded:
      return "unloaded";
    case RungState::kDown:
      return "down";
    case RungState::kStarting:
      return "starting";
    case RungState::kReady:
      return "ready";
    case RungState::kDying:
      return "dying";
  }
  return "down";
}

std::string_view name_of(RungEvent event) {
  switch (event) {
    case RungEvent::kStarted:
      return "started";
    case RungEvent::kReady:
      return "ready";
    case RungEvent::kServes:
      return "serves";
    case RungEvent::kStartFailed:
      return "start_failed";
    case RungEvent::kStartHung:
      return "start_hung";
    case RungEvent::kDied:
      return "died";
    case RungEvent::kHung:
      return "hung";
    case RungEvent::kBreakerOpened:
      return "breaker_opened";
    case RungEvent::kBreakerClosed:
      return "breaker_closed";
    case RungEvent::kUnloaded:
      return "unloaded";
    case RungEvent::kWrong:
      return "wrong";
  }
  return "died";
}

std::string_view name_of(RungKind kind) {
  switch (kind) {
    case RungKind::kWorker:
      return "worker";
    case RungKind::kReflex:
      return "reflex";
    case RungKind::kCloud:
      return "cloud";
  }
  return "worker";
}

std::string_view name_of(Strategy strategy) {
  switch (strategy) {
    case Strategy::kBestFirst:
      return "best";
    case Strategy::kVote:
      return "vote";
    case Strategy::kCascade:
      return "cascade";
  }
  return "best";
}

Result<void> check(const LadderConfig& config, std::string_view where) {
  const auto bad = [&](std::string_view field, std::string why) {
    return fail(Code::kBadInput, "bad ladder", fmt::format("{}, {}", where, field), std::move(why));
  };
  if (config.rungs.empty() || config.rungs.size() > ports::kRungsMax) {
    return bad("rungs", fmt::format("{} rungs, but 1 to {} are possible", config.rungs.size(), ports::kRungsMax));
  }
  for (std::size_t r = 0; r < config.rungs.size(); ++r) {
    const RungConfig& rung = config.rungs[r];
    if (rung.kind == RungKind::kReflex && r + 1 != config.rungs.size())
      return bad(rung.name, "a reflex rung must be the last");
    if (rung.jobs_burst_max < 1) return bad(rung.name, "a budget allows at least one job at once");
    if (rung.expected_ns <= 0 || rung.hang_timeout_ns < kMillisecondNs || rung.start_timeout_ns < kMillisecondNs) {
      return bad(rung.name, "its times must be at least a millisecond");
    }
  }
  if (config.open_requests_max < 1 || config.open_requests_max > 4096) return bad("open_requests_max", "not 1 to 4096");
  if (config.workers_loaded_max < 1) return bad("workers_loaded_max", "at least one worker must be loaded");
  if (config.reserve_ns < 0 || config.reserve_ns > kSecondNs) return bad("reserve", "not 0 to 1 s");
  if (config.health_period_ns < 10 * kMillisecondNs) return bad("health_period", "below 10 ms");
  if (config.step_up_dwell_ns < 0 || config.hedge_delay_min_ns < 0) return bad("step_up_dwell", "negative");
  if (config.hedge_budget_ppm < 0 || config.hedge_budget_ppm > kWholePpm) return bad("hedge_budget", "not 0 to 100 %");
  if (config.check_period_ns < 0) return bad("check_period", "negative");
  if (config.strategy == Strategy::kVote && (config.vote_rungs < 2 || config.vote_rungs > config.rungs.size()))
    return bad("vote_rungs", fmt::format("{} of {} rungs cannot vote", config.vote_rungs, config.rungs.size()));
  if (config.strategy == Strategy::kCascade && (config.confident_ppm < 1 || config.confident_ppm > kWholePpm))
    return bad("cascade_confidence", "not within (0, 1]");
  const BreakerConfig& b = config.breaker;
  if (b.failures_max < 1 || b.failures_max > kBreakerFailuresMax) return bad("breaker.failures_max", "not 1 to 16");
  if (b.open_ns <= 0 || b.open_max_ns < b.open_ns || b.open_max_ns > 24 * kHourNs)
    return bad("breaker.open", "not within (0, 24 h]");
  if (b.backoff_ns <= 0 || b.backoff_max_ns < b.backoff_ns || b.backoff_max_ns > kHourNs)
    return bad("breaker.backoff", "not within (0, 1 h]");
  return {};
}

Ladder::Ladder(std::uint32_t model, const LadderConfig& config, Bytes canary_input, std::size_t output_bytes,
               LadderPorts ports)
    : model_(model),
      config_(config),
      canary_input_(std::move(canary_input)),
      ports_(ports),
      reflex_output_(output_bytes) {
  LICHEN_ASSERT(check(config, "ladder").has_value());
  rungs_.reserve(config.rungs.size());
  for (const RungConfig& rung : config.rungs) {
    Rung& r = rungs_.emplace_back(static_cast<std::uint32_t>(rungs_.size()), rung, config.breaker, ports.random);
    const bool reflex = rung.kind == RungKind::kReflex;
    r.state = !reflex ? RungState::kUnloaded : ports.reflex != nullptr ? RungState::kReady : RungState::kDown;
    r.announced = reflex;
    if (r.state == RungState::kDown) {
      r.due_ns = kNeverNs;
      r.last_trouble = ports.reflex_trouble;
    }
    r.latency_ns = rung.expected_ns;
  }
  slots_.resize(config.open_requests_max);
  open_.reserve(slots_.size());
  for (std::uint32_t slot = config.open_requests_max; slot > 0; --slot) free_.push_back(slot - 1);
  hedge_tokens_ppm_ = kWholePpm;
}

void Ladder::start(TimeNs now_ns, std::span<const std::uint32_t> times_opened) {
  LICHEN_ASSERT(stopping_);
  stopping_ = false;
  for (Rung& r : rungs_) refresh(r);
  for (std::size_t r = 0; r < std::min(times_opened.size(), rungs_.size()); ++r)
    rungs_[r].breaker.restore(times_opened[r]);
  if (has_reflex()) reflex_canary(now_ns, rungs() - 1);
  staff(now_ns);
  plan_wake();
}

void Ladder::stop(TimeNs now_ns) {
  stopping_ = true;
  if (!open_.empty()) probe(Probe::kLadderStoppedOpen);
  while (!open_.empty()) {
    if (planted(Bug::kStopForgetsWaiting) && slots_[open_.back()].running == 0) break;
    refuse(now_ns, open_.back(), ports::RefusalReason::kStopping);
  }
  for (Rung& r : rungs_) {
    if (r.worker != 0) dismiss(now_ns, r);
  }
  next_wake_ns_ = kNeverNs;
}

void Ladder::submit(TimeNs now_ns, const ports::Request& request) {
  if (stopping_) {
    probe(Probe::kLadderRefusedStopping);
    return refuse_at_once(request, ports::RefusalReason::kStopping);
  }
  if (request.deadline_ns <= now_ns) {
    probe(Probe::kLadderDeadOnArrival);
    return refuse_at_once(request, ports::RefusalReason::kDeadlineTooShort);
  }
  if (free_.empty()) return submit_beyond_queue(now_ns, request);
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  open_.push_back(slot);
  Slot& s = slots_[slot];
  std::vector<Ballot> ballots = std::move(s.ballots);
  s = Slot{};
  s.ballots = std::move(ballots);
  s.request = request;
  s.request.min_rung = std::min(request.min_rung, rungs() - 1);
  s.serial = ++serial_;
  s.admitted_ns = now_ns;
  s.last_ns = request.deadline_ns - std::min(config_.reserve_ns, (request.deadline_ns - now_ns) / 4);
  if (planted(Bug::kLateLastResort)) s.last_ns = request.deadline_ns;
  ++counters_.admitted;
  hedge_tokens_ppm_ = std::min<std::int64_t>(hedge_tokens_ppm_ + config_.hedge_budget_ppm, 10LL * kWholePpm);
  place(now_ns, slot);
  plan_wake();
}

bool Ladder::on(TimeNs now_ns, const ports::WorkerReady& event) {
  const std::uint32_t rung = find(event.worker);
  if (rung == kNobody) return false;
  Rung& r = rungs_[rung];
  if (stopping_ || r.state != RungState::kStarting) {  // killed meanwhile
    probe(Probe::kLadderReadyTooLate);
    return true;
  }
  r.state = RungState::kReady;
  r.proved = false;
  r.announced = false;
  if (planted(Bug::kStepUpTooEarly)) config_.step_up_dwell_ns = 0;
  r.serves_from_ns = r.breaker.has_failed() ? now_ns + config_.step_up_dwell_ns : now_ns;
  r.canary_due_ns = now_ns;
  r.check_due_ns = now_ns;
  r.suspect = false;
  r.rights = 0;
  tell(now_ns, rung, RungEvent::kReady);
  settle(now_ns, rung);
  take_waiting(now_ns, rung);
  tick_rung(now_ns, rung);
  plan_wake();
  return true;
}

bool Ladder::on(TimeNs now_ns, const ports::WorkerAnswered& event) {
  const std::uint32_t rung = find(event.worker);
  if (rung == kNobody) return false;
  Rung& r = rungs_[rung];
  if (r.state != RungState::kReady || r.job == 0 || r.job != event.job) {  // of a job that was given up
    probe(Probe::kLadderAnswerTooLate);
    return true;
  }
  const std::uint32_t slot = r.job_slot;
  const bool canary = r.job_is_canary;
  learn(now_ns, r);
  r.job = 0;
  r.job_slot = kNobody;
  if (canary) {
    canary_answered(now_ns, rung, event.ok, event.output);
  } else {
    job_answered(now_ns, rung, slot, event);
  }
  if (r.state == RungState::kReady) {
    if (r.job == 0) check_if_due(now_ns, rung);
    settle(now_ns, rung);
    take_waiting(now_ns, rung);
  }
  plan_wake();
  return true;
}

// A request's job, or one whose request has ended meanwhile.
void Ladder::job_answered(TimeNs now_ns, std::uint32_t rung, std::uint32_t slot, const ports::WorkerAnswered& event) {
  Rung& r = rungs_[rung];
  const bool late_ballot = std::exchange(r.late_ballot, false);
  const bool can_be = event.ok && plausible(event.output);
  if (can_be) {
    mark_answered(now_ns, r);
    r.implausible_in_row = 0;
  } else if (event.ok) {
    ++r.counters.implausible;
    ++r.implausible_in_row;
    probe(Probe::kLadderImplausible);
    suspect(now_ns, rung);
  }
  if (slot == kNobody) {
    probe(Probe::kLadderStale);
    ++r.counters.stale;
    if (late_ballot && can_be) compare_late(now_ns, rung, event.output);
  } else if (can_be) {
    answered(now_ns, slot, rung, event.output);
  } else if (event.ok) {
    hand_down(now_ns, slot, rung, ports::AnswerReason::kImplausible);
  } else {
    ++r.counters.input_refused;
    hand_down(now_ns, slot, rung, ports::AnswerReason::kWorkerFailed);
  }
}

bool Ladder::on(TimeNs now_ns, const ports::WorkerGone& event) {
  const std::uint32_t rung = find(event.worker);
  if (rung == kNobody) return false;
  Rung& r = rungs_[rung];
  if (stopping_) {  // killed by stop(): no failure, and nobody is started in its place
    probe(Probe::kLadderGoneStopping);
    r.state = RungState::kUnloaded;
    r.worker = 0;
    return true;
  }
  RungEvent why = RungEvent::kDied;
  if (r.state == RungState::kDying) why = r.killed_for;
  if (r.state == RungState::kStarting) why = RungEvent::kStartFailed;
  gone(now_ns, rung, why, event.detail);
  plan_wake();
  return true;
}

void Ladder::set_limits(TimeNs now_ns, const Limits& limits) {
  limits_ = limits;
  tick(now_ns);
}

void Ladder::tick(TimeNs now_ns) {
  if (stopping_) return;
  // Index loops: a request that ends is removed from open_ by swapping the last one into its place.
  for (std::size_t i = 0; i < open_.size();) {
    const std::uint32_t slot = open_[i];
    if (slots_[slot].next_ns <= now_ns) check_request(now_ns, slot);
    if (i < open_.size() && open_[i] == slot) ++i;
  }
  for (std::uint32_t rung = 0; rung < rungs(); ++rung) tick_rung(now_ns, rung);
  staff(now_ns);
  plan_wake();
}

void Ladder::plan_wake() {
  if (stopping_) return;
  TimeNs wake_ns = kNeverNs;
  for (const std::uint32_t slot : open_) wake_ns = std::min(wake_ns, slots_[slot].next_ns);
  for (const Rung& r : rungs_) {
    switch (r.state) {
      case RungState::kUnloaded:
        break;
      case RungState::kDown:
        if (r.wanted) wake_ns = std::min(wake_ns, r.due_ns);
        break;
      case RungState::kStarting:
      case RungState::kDying:
        wake_ns = std::min(wake_ns, r.due_ns);
        break;
      case RungState::kReady:
        if (r.job != 0) {
          wake_ns = std::min(wake_ns, r.job_since_ns + r.config.hang_timeout_ns);
        }
        if (r.job == 0 || planted(Bug::kSpins)) wake_ns = std::min(wake_ns, r.canary_due_ns);
        if (!r.announced && r.proved && may_be_used(r)) wake_ns = std::min(wake_ns, r.serves_from_ns);
        break;
    }
  }
  next_wake_ns_ = wake_ns;
}

bool Ladder::ready(TimeNs now_ns) const {
  if (stopping_) return false;
  for (const Rung& r : rungs_) {
    if (r.state != RungState::kReady || r.answered_ns < 0) continue;
    if (now_ns - r.answered_ns <= health_period_ns(r) || planted(Bug::kReadinessLies)) return true;
  }
  return false;
}

std::uint32_t Ladder::active_rung(TimeNs now_ns) const {
  if (stopping_) return rungs();
  for (std::uint32_t rung = 0; rung < rungs(); ++rung) {
    if (serves(now_ns, rungs_[rung])) return rung;
  }
  return rungs();
}

RungStatus Ladder::rung_status(TimeNs now_ns, std::uint32_t rung) const {
  const Rung& r = rungs_[rung];
  RungStatus status;
  status.name = r.config.name;
  status.kind = r.config.kind;
  status.state = r.state;
  status.serves = !stopping_ && serves(now_ns, r);
  status.healthy =
      !stopping_ && r.state == RungState::kReady && r.answered_ns >= 0 && now_ns - r.answered_ns <= health_period_ns(r);
  status.breaker = r.breaker.state(now_ns);
  status.latency_ns = r.latency_ns;
  if (r.answered_ns >= 0) status.last_answer_age_ns = now_ns - r.answered_ns;
  if (r.state == RungState::kDown && r.due_ns != kNeverNs)
    status.restart_in_ns = std::max<TimeNs>(0, r.due_ns - now_ns);
  status.last_trouble = r.last_trouble;
  status.counters = r.counters;
  return status;
}

std::uint32_t Ladder::find(ports::WorkerId worker) const {
  for (std::uint32_t rung = 0; rung < rungs(); ++rung) {
    if (rungs_[rung].worker == worker && worker != 0) return rung;
  }
  return kNobody;
}

}  // namespace lichen::ladder
