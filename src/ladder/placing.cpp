// SPDX-License-Identifier: Apache-2.0
// Requests: which rung is asked, when another one is asked too, and how every request ends exactly once.
#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "base/planted.hpp"
#include "base/probe.hpp"
#include "ladder/ladder.hpp"

namespace lichen::ladder {
namespace {

constexpr TimeNs kHedgeLatencies = 3;    // slower than usual: this many mean latencies
constexpr TimeNs kOverdueLatencies = 4;  // so slow that nobody should queue behind it

constexpr TimeNs kRescueAgainMinNs = kMillisecondNs;
constexpr TimeNs kRescueAgainPart = 4;
constexpr TimeNs kProbesPerHealthPeriod = 16;

}  // namespace

bool Ladder::overdue(TimeNs now_ns, const Rung& r) const {
  return r.job != 0 && now_ns > r.job_since_ns + kOverdueLatencies * r.latency_ns + config_.hedge_delay_min_ns;
}

// Power and link allow it.
bool Ladder::may_be_used(const Rung& r) const {
  return r.index >= limits_.best_rung && (r.config.kind != RungKind::kCloud || limits_.link_up);
}

bool Ladder::serves(TimeNs now_ns, const Rung& r) const {
  if (!may_be_used(r)) return false;
  if (r.config.kind == RungKind::kReflex) return r.state == RungState::kReady;
  return r.state == RungState::kReady && now_ns >= r.serves_from_ns && (r.proved || !r.breaker.has_failed());
}

// When the rung could start one more request, behind those that wait for it already.
TimeNs Ladder::free_at(TimeNs now_ns, std::uint32_t rung) const {
  const Rung& r = rungs_[rung];
  TimeNs at_ns = r.job == 0 ? now_ns : std::max(now_ns, r.job_since_ns + r.latency_ns);
  for (const std::uint32_t slot : open_) {
    if ((slots_[slot].waiting & bit(rung)) != 0) at_ns += r.latency_ns;
  }
  return at_ns;
}

bool Ladder::goes_before(const Slot& a, const Slot& b) const {
  if (a.request.priority != b.request.priority) return a.request.priority > b.request.priority;
  if (a.request.deadline_ns != b.request.deadline_ns) return a.request.deadline_ns < b.request.deadline_ns;
  return a.serial < b.serial;
}

Ladder::Fit Ladder::fit(TimeNs now_ns, const Slot& s, std::uint32_t rung, bool even_unproved,
                        ports::AnswerReason& reason) const {
  const Rung& r = rungs_[rung];
  if (!may_be_used(r)) {
    const bool power = rung < limits_.best_rung;
    probe(power ? Probe::kLimitPower : Probe::kLimitLink);
    reason = power ? ports::AnswerReason::kPower : ports::AnswerReason::kOffline;
    return Fit::kNo;
  }
  if (!affordable(now_ns, r)) {
    probe(Probe::kLimitBudget);
    reason = ports::AnswerReason::kBudget;
    return Fit::kNo;
  }
  if (r.state != RungState::kReady) {
    reason = r.state == RungState::kStarting && !r.breaker.has_failed() ? ports::AnswerReason::kStarting
                                                                        : ports::AnswerReason::kBroken;
    return Fit::kNo;
  }
  if (!even_unproved && !serves(now_ns, r)) {
    reason = ports::AnswerReason::kProbation;
    return Fit::kNo;
  }
  const TimeNs start_by_ns = s.last_ns - r.latency_ns;
  if (r.job == 0) {
    reason = ports::AnswerReason::kDeadline;
    return now_ns <= start_by_ns ? Fit::kNow : Fit::kNo;
  }
  if (overdue(now_ns, r)) {
    probe(Probe::kPlacingOverdue);
    reason = ports::AnswerReason::kHung;
    return Fit::kNo;
  }
  reason = ports::AnswerReason::kOverload;
  return free_at(now_ns, rung) < start_by_ns ? Fit::kWait : Fit::kNo;
}

// Finds the way to an answer for a request; ends it if there is none.
void Ladder::place(TimeNs now_ns, std::uint32_t slot) {
  switch (config_.strategy) {
    case Strategy::kBestFirst:
      return place_best_first(now_ns, slot);
    case Strategy::kVote:
      return elect(now_ns, slot);
    case Strategy::kCascade:
      return climb(now_ns, slot);
  }
}

void Ladder::place_best_first(TimeNs now_ns, std::uint32_t slot) {
  Slot& s = slots_[slot];
  LICHEN_ASSERT(s.running == 0);
  s.waiting = 0;
  s.hedge_ns = kNeverNs;
  s.rescue_ns = kNeverNs;
  auto blame = ports::AnswerReason::kBest;
  if (place_on_worker(now_ns, slot, false, blame)) return;
  if (s.reason == ports::AnswerReason::kBest) s.reason = blame;
  if (try_reflex(now_ns, slot)) return;
  if (place_on_worker(now_ns, slot, true, blame)) {  // better a rung on probation than no answer
    probe(Probe::kPlacingProbation);
    return;
  }
  if (place_on_starting(slot)) return;
  refuse(now_ns, slot, refusal_for(now_ns, s, blame));
}

bool Ladder::place_on_worker(TimeNs now_ns, std::uint32_t slot, bool even_unproved, ports::AnswerReason& blame) {
  Slot& s = slots_[slot];
  for (std::uint32_t rung = 0; rung <= s.request.min_rung; ++rung) {
    if (reflex_rung(rung) || (s.tried & bit(rung)) != 0) continue;
    auto reason = ports::AnswerReason::kBest;
    const Fit how = fit(now_ns, s, rung, even_unproved, reason);
    if (how == Fit::kNo) {
      if (blame == ports::AnswerReason::kBest) blame = reason;
      if (reason == ports::AnswerReason::kDeadline) probe_soon(rungs_[rung]);
      continue;
    }
    if (s.reason == ports::AnswerReason::kBest) s.reason = blame;
    if (how == Fit::kNow) {
      dispatch(now_ns, slot, rung);
    } else {
      probe(Probe::kPlacingWaits);
      s.waiting |= bit(rung);
      plan_look(s);
    }
    return true;
  }
  return false;
}

// An idle rung that is passed over because it seems too slow is measured again soon: it may have been slow only for a
// moment, and no request would ever tell.
void Ladder::probe_soon(Rung& r) const {
  if (r.answered_ns < 0 || r.job != 0 || planted(Bug::kProbeForgotten)) return;
  probe(Probe::kPlacingProbe);
  r.canary_due_ns = std::min(r.canary_due_ns, r.answered_ns + health_period_ns(r) / kProbesPerHealthPeriod);
}

// At the very start there is nothing broken, only nothing ready yet: wait for the first worker, if the deadline allows.
bool Ladder::place_on_starting(std::uint32_t slot) {
  Slot& s = slots_[slot];
  for (std::uint32_t rung = 0; rung <= s.request.min_rung; ++rung) {
    if (!starts_first(rungs_[rung]) || (s.tried & bit(rung)) != 0) continue;
    probe(Probe::kPlacingStarting);
    s.waiting |= bit(rung);
    plan_look(s);
    if (planted(Bug::kWaitsForEver)) s.next_ns = kNeverNs;
    return true;
  }
  return false;
}

void Ladder::dispatch(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung) {
  Slot& s = slots_[slot];
  Rung& r = rungs_[rung];
  LICHEN_ASSERT(r.state == RungState::kReady && r.job == 0);
  r.job = next_job_++;
  r.job_is_canary = false;
  r.job_slot = slot;
  r.job_since_ns = now_ns;
  r.late_ballot = false;
  spend(now_ns, r);
  s.tried |= bit(rung);
  s.running |= bit(rung);
  s.waiting = config_.strategy == Strategy::kVote ? s.waiting & ~bit(rung) : 0;
  plan_checks(now_ns, slot, rung);
  ports_.workers.submit(r.worker, r.job, s.request.input);
}

// When to look at a running request again: to hedge it, to rescue it, and at the latest for the last resort.
void Ladder::plan_checks(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung) {
  Slot& s = slots_[slot];
  s.hedge_ns = kNeverNs;
  s.rescue_ns = kNeverNs;
  // Where rungs vote, enough are asked anyway; and a cascade that holds an answer needs no second way to one.
  const bool needs_no_other = config_.strategy == Strategy::kVote || s.ballots_cast > 0;
  for (std::uint32_t next = rung + 1; next <= s.request.min_rung && !needs_no_other; ++next) {
    if (reflex_rung(next) || (s.tried & bit(next)) != 0) continue;
    const bool ready = rungs_[next].state == RungState::kReady;
    if (!s.hedged && ready)
      s.hedge_ns = now_ns + std::max(config_.hedge_delay_min_ns, kHedgeLatencies * rungs_[rung].latency_ns);
    const TimeNs rescue_ns = s.last_ns - 2 * rungs_[next].latency_ns;
    if (rescue_ns > now_ns) s.rescue_ns = std::min(s.rescue_ns, rescue_ns);  // who is not ready now may be then
    if (ready) break;
  }
  plan_look(s);
}

// When to look at it again: to hedge or rescue it, when a rung that it waits for cannot make it any more, and at the
// latest for the last resort.
void Ladder::plan_look(Slot& s) const {
  s.next_ns = std::min({s.hedge_ns, s.rescue_ns, s.last_ns});
  for (const Rung& r : rungs_) {
    const bool waits = (s.waiting & bit(r.index)) != 0 && r.state == RungState::kReady;
    if (waits) s.next_ns = std::min(s.next_ns, s.last_ns - r.latency_ns);
  }
}

void Ladder::refuse_at_once(const ports::Request& request, ports::RefusalReason reason) {
  ++counters_.refused[static_cast<std::size_t>(reason)];
  ports_.answers.refuse(request.id, {.reason = reason});
}

// No slot is free, but a reflex rung needs none: it answers here and now.
void Ladder::submit_beyond_queue(TimeNs now_ns, const ports::Request& request) {
  const std::uint32_t last = rungs() - 1;
  const bool alone = config_.strategy != Strategy::kVote;  // one answer is no majority
  if (!has_reflex() || !alone || request.min_rung < last || !ports_.reflex->evaluate(request.input, reflex_output_)) {
    probe(Probe::kPlacingQueueFull);
    return refuse_at_once(request, ports::RefusalReason::kOverloaded);
  }
  probe(Probe::kPlacingBeyondQueue);
  mark_answered(now_ns, rungs_[last]);
  ++counters_.admitted;
  ++rungs_[last].counters.answers;
  ++counters_.answered[static_cast<std::size_t>(ports::AnswerReason::kOverload)];
  ports_.answers.answer(request.id, {.rung = last, .reason = ports::AnswerReason::kOverload, .output = reflex_output_});
}

// Something is due for this request.
void Ladder::check_request(TimeNs now_ns, std::uint32_t slot) {
  Slot& s = slots_[slot];
  if (now_ns >= s.last_ns) return last_resort(now_ns, slot);
  if (s.running == 0 || config_.strategy == Strategy::kVote) {  // waited as long as its rung could still have made it
    probe(Probe::kPlacingWaitedInVain);
    return place(now_ns, slot);
  }
  if (now_ns >= s.hedge_ns) {
    s.hedge_ns = kNeverNs;
    s.hedged = hedge_tokens_ppm_ >= kWholePpm;  // before asking: a request is hedged once
    if (!s.hedged) probe(Probe::kPlacingHedgeTooDear);
    if (s.hedged && ask_another(now_ns, slot, ports::AnswerReason::kSlow)) {
      probe(Probe::kPlacingHedged);
      if (!planted(Bug::kHedgesWithoutBudget)) hedge_tokens_ppm_ -= kWholePpm;
      ++counters_.hedges;
      return;
    }
  }
  if (now_ns >= s.rescue_ns) {
    s.rescue_ns = kNeverNs;
    if (ask_another(now_ns, slot, ports::AnswerReason::kHung)) {
      probe(Probe::kPlacingRescued);
      ++counters_.rescues;
      return;
    }
    // Nobody is free. Try again, each time after a part of what is left: somebody may be until it is too late.
    const TimeNs left_ns = s.last_ns - now_ns;
    if (left_ns >= kRescueAgainMinNs) s.rescue_ns = now_ns + left_ns / kRescueAgainPart;
  }
  plan_look(s);
}

// Asks the next idle worker below those that work on it already. The first answer wins.
bool Ladder::ask_another(TimeNs now_ns, std::uint32_t slot, ports::AnswerReason reason) {
  Slot& s = slots_[slot];
  const auto first = static_cast<std::uint32_t>(std::bit_width(s.running));
  for (std::uint32_t rung = first; rung <= s.request.min_rung; ++rung) {
    if (reflex_rung(rung) || (s.tried & bit(rung)) != 0) continue;
    auto why_not = ports::AnswerReason::kBest;
    if (fit(now_ns, s, rung, false, why_not) != Fit::kNow) continue;
    if (s.reason == ports::AnswerReason::kBest) s.reason = reason;
    dispatch(now_ns, slot, rung);
    return true;
  }
  return false;
}

void Ladder::last_resort(TimeNs now_ns, std::uint32_t slot) {
  Slot& s = slots_[slot];
  if (config_.strategy == Strategy::kVote) return close_poll(now_ns, slot);
  if (s.reason == ports::AnswerReason::kBest) {
    s.reason = s.running != 0 ? ports::AnswerReason::kHung : ports::AnswerReason::kOverload;
  }
  if (s.ballots_cast > 0) probe(Probe::kCascadeKept);
  if (s.ballots_cast > 0) return deliver(now_ns, slot, s.ballots[0].rung, s.ballots[0].output);
  if (try_reflex(now_ns, slot)) {
    probe(Probe::kPlacingLastResort);
    return;
  }
  probe(Probe::kPlacingTooLate);
  refuse(now_ns, slot, ports::RefusalReason::kDeadlineExceeded);
}

bool Ladder::try_reflex(TimeNs now_ns, std::uint32_t slot) {
  if (!evaluate_reflex(now_ns, slots_[slot])) return false;
  deliver(now_ns, slot, rungs() - 1, reflex_output_);
  return true;
}

// True: its answer is in reflex_output_.
bool Ladder::evaluate_reflex(TimeNs now_ns, Slot& s) {
  const std::uint32_t last = rungs() - 1;
  const bool allowed = s.request.min_rung >= last || planted(Bug::kMinRungIgnored);
  if (!has_reflex() || !allowed || (s.tried & bit(last)) != 0) return false;
  s.tried |= bit(last);
  if (!ports_.reflex->evaluate(s.request.input, reflex_output_)) {
    probe(Probe::kPlacingReflexRefused);
    ++rungs_[last].counters.input_refused;
    return false;
  }
  mark_answered(now_ns, rungs_[last]);
  return true;
}

// A rung answered a request well.
void Ladder::answered(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ByteView output) {
  switch (config_.strategy) {
    case Strategy::kBestFirst:
      return deliver(now_ns, slot, rung, output);
    case Strategy::kVote:
      return cast(now_ns, slot, rung, output);
    case Strategy::kCascade:
      return weigh(now_ns, slot, rung, output);
  }
}

// A rung that worked on the request will not answer it: look further, unless another rung still works on it.
void Ladder::hand_down(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ports::AnswerReason reason) {
  Slot& s = slots_[slot];
  s.running &= ~bit(rung);
  if (s.reason == ports::AnswerReason::kBest) s.reason = reason;
  if (reason == ports::AnswerReason::kWorkerFailed || reason == ports::AnswerReason::kImplausible) s.input_refused = true;
  probe(s.running == 0 ? Probe::kPlacingDiedWithRequest : Probe::kPlacingDiedHedged);
  if (planted(Bug::kLostCompletion) && s.hedged) {
    s.next_ns = kNeverNs;
    return;
  }
  if (s.running == 0 || config_.strategy == Strategy::kVote) place(now_ns, slot);
}

// The rung is idle: give it the first of those that wait for it.
void Ladder::take_waiting(TimeNs now_ns, std::uint32_t rung) {
  while (rungs_[rung].state == RungState::kReady && rungs_[rung].job == 0) {
    std::uint32_t first = kNobody;
    for (const std::uint32_t slot : open_) {
      if ((slots_[slot].waiting & bit(rung)) == 0) continue;
      if (first == kNobody || goes_before(slots_[slot], slots_[first])) first = slot;
    }
    if (first == kNobody) return;
    place(now_ns, first);  // this rung if it still can, else another: it waits no more either way
    if ((slots_[first].waiting & bit(rung)) != 0) return;
  }
}

// The rung is gone: those that waited for it look for another.
void Ladder::replace_waiting(TimeNs now_ns, std::uint32_t rung) {
  for (std::size_t i = 0; i < open_.size();) {
    const std::uint32_t slot = open_[i];
    if ((slots_[slot].waiting & bit(rung)) != 0) {
      probe(Probe::kPlacingWaitersMoved);
      place(now_ns, slot);
    }
    if (i < open_.size() && open_[i] == slot) ++i;
  }
}

ports::RefusalReason Ladder::refusal_for(TimeNs now_ns, const Slot& s, ports::AnswerReason blame) const {
  if (s.input_refused) {
    probe(Probe::kLadderInputRefused);
    return ports::RefusalReason::kInputRefused;
  }
  if (blame == ports::AnswerReason::kOverload) return ports::RefusalReason::kOverloaded;
  if (blame == ports::AnswerReason::kDeadline) return ports::RefusalReason::kDeadlineTooShort;
  for (std::uint32_t rung = s.request.min_rung + 1; rung < rungs(); ++rung) {
    if (!serves(now_ns, rungs_[rung])) continue;
    probe(Probe::kPlacingMinRung);
    return ports::RefusalReason::kMinRungUnavailable;
  }
  probe(Probe::kPlacingNobody);
  return ports::RefusalReason::kNoRungAvailable;
}

void Ladder::deliver(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ByteView output) {
  const Slot& s = slots_[slot];
  const ports::AnswerReason reason = rung == 0 || planted(Bug::kWrongReason) ? ports::AnswerReason::kBest : s.reason;
  const ports::RequestId id = s.request.id;
  const bool voted = config_.strategy == Strategy::kVote;
  const ports::Answer answer{.rung = rung,
                             .reason = reason,
                             .latency_ns = now_ns - s.admitted_ns,
                             .ballots = static_cast<std::uint8_t>(voted ? s.ballots_cast : 0),
                             .votes = static_cast<std::uint8_t>(s.votes),
                             .output = output};
  const bool twice = planted(Bug::kDoubleAnswer) && s.hedged;
  release(slot);
  ++rungs_[rung].counters.answers;
  ++counters_.answered[static_cast<std::size_t>(reason)];
  ports_.answers.answer(id, answer);
  if (twice) ports_.answers.answer(id, answer);
}

void Ladder::refuse(TimeNs now_ns, std::uint32_t slot, ports::RefusalReason reason) {
  const Slot& s = slots_[slot];
  const ports::RequestId id = s.request.id;
  ports::Refusal refusal{.reason = reason, .retry_after_ns = 0, .latency_ns = now_ns - s.admitted_ns};
  for (const Rung& r : rungs_) {
    if (r.state != RungState::kDown || r.due_ns == kNeverNs) continue;
    const TimeNs in_ns = std::max<TimeNs>(r.due_ns - now_ns, 0) + config_.step_up_dwell_ns;
    if (refusal.retry_after_ns == 0 || in_ns < refusal.retry_after_ns) refusal.retry_after_ns = in_ns;
  }
  release(slot);
  if (planted(Bug::kSlotLeak)) free_.pop_back();
  ++counters_.refused[static_cast<std::size_t>(reason)];
  ports_.answers.refuse(id, refusal);
}

// The slot is free from here on; workers that still run for it answer into the void.
void Ladder::release(std::uint32_t slot) {
  Slot& s = slots_[slot];
  for (Rung& r : rungs_) {
    if (r.job != 0 && r.job_slot == slot && !planted(Bug::kWrongSlot)) r.job_slot = kNobody;
  }
  s.running = 0;
  s.waiting = 0;
  s.serial = 0;
  s.next_ns = kNeverNs;
  const auto at = std::ranges::find(open_, slot);
  LICHEN_ASSERT(at != open_.end());
  *at = open_.back();
  open_.pop_back();
  free_.push_back(slot);
}

}  // namespace lichen::ladder
