// SPDX-License-Identifier: Apache-2.0
// Canaries: questions of our own. They show that a rung that nobody asks still answers, and that it still answers what
// it answered before: a model is a function, so another answer to the same input means that its worker is wrong.
#include <algorithm>

#include "base/planted.hpp"
#include "base/probe.hpp"
#include "ladder/ladder.hpp"

namespace lichen::ladder {
namespace {

constexpr TimeNs kBudgetPeriodNs = 24 * kHourNs;
// A model may answer the canary itself with what cannot be (zeros into a logarithm). Then so many implausible answers
// to requests in a row tell that the worker is wrong, and not the inputs.
constexpr std::uint32_t kImplausibleInRowMax = 3;
// So many fresh workers in a row with a different answer each: it is no function of its input, and is not compared.
constexpr std::uint32_t kDisputesInRowMax = 2;
// So many workers in a row that were right the first time and never again: that is no damage, the model has a state.
constexpr std::uint32_t kRelapsesMax = 3;

}  // namespace

// A budget is a bucket, told by the time at which all past jobs are paid for (the generic cell rate algorithm,
// ITU-T I.371).
bool Ladder::affordable(TimeNs now_ns, const Rung& r) const {
  if (r.config.jobs_per_day_max == 0 || planted(Bug::kBudgetIgnored)) return true;
  const TimeNs job_ns = kBudgetPeriodNs / r.config.jobs_per_day_max;
  return r.budget_spent_until_ns - now_ns <= job_ns * (r.config.jobs_burst_max - 1);
}

void Ladder::spend(TimeNs now_ns, Rung& r) const {
  if (r.config.jobs_per_day_max == 0) return;
  r.budget_spent_until_ns =
      std::max(r.budget_spent_until_ns, now_ns) + kBudgetPeriodNs / r.config.jobs_per_day_max;
}

void Ladder::send_canary(TimeNs now_ns, std::uint32_t rung) {
  Rung& r = rungs_[rung];
  if (!affordable(now_ns, r)) {
    r.canary_due_ns = now_ns + kBudgetPeriodNs / r.config.jobs_per_day_max;
    return;
  }
  spend(now_ns, r);
  r.job = next_job_++;
  r.job_is_canary = true;
  r.job_slot = kNobody;
  r.job_since_ns = now_ns;
  r.late_ballot = false;
  r.canary_due_ns = kNeverNs;
  ports_.workers.submit(r.worker, r.job, canary_input_);
}

void Ladder::canary_answered(TimeNs now_ns, std::uint32_t rung, bool ok, ByteView output) {
  Rung& r = rungs_[rung];
  r.suspect = false;
  r.canary_due_ns = now_ns + health_period_ns(r) / 2;
  r.check_due_ns = config_.check_period_ns > 0 ? now_ns + config_.check_period_ns : kNeverNs;
  if (!ok) {
    probe(Probe::kLadderCanaryRefused);
    return;
  }
  const bool never_right = r.implausible_in_row >= kImplausibleInRowMax && !plausible(output);
  if ((never_right || !known(r, output)) && !planted(Bug::kWrongKept)) {
    probe(Probe::kCanaryWrong);
    return kill(now_ns, rung, RungEvent::kWrong);
  }
  mark_answered(now_ns, r);
  ++r.counters.canaries;
}

// The answer that this rung has always given. What two workers in a row say is believed instead of what one said
// before: that one may have been wrong, or the model's file was replaced.
bool Ladder::known(Rung& r, ByteView output) const {
  if (config_.check_period_ns == 0 || r.config.kind == RungKind::kCloud || !r.compared) return true;
  const bool as_ever = r.known_answer.empty() || std::ranges::equal(r.known_answer, output);
  const bool as_the_last = r.disputes_in_row > 0 && std::ranges::equal(r.disputed_answer, output);
  if (as_ever || as_the_last) {
    r.known_answer.assign(output.begin(), output.end());
    r.disputes_in_row = 0;
    if (++r.rights > 1) r.relapses = 0;
    return true;
  }
  r.disputed_answer.assign(output.begin(), output.end());
  if (r.rights == 1) ++r.relapses;
  r.compared = ++r.disputes_in_row < kDisputesInRowMax && r.relapses < kRelapsesMax;
  return !r.compared;
}

// An idle rung is asked by the next tick, one under load between two jobs.
void Ladder::check_if_due(TimeNs now_ns, std::uint32_t rung) {
  Rung& r = rungs_[rung];
  if (!r.suspect && now_ns < r.check_due_ns) return;
  r.check_due_ns = kNeverNs;
  probe(Probe::kCanaryUnderLoad);
  send_canary(now_ns, rung);
}

// Something about its answers is odd. The input may be at fault, so nobody is killed for it: its canary tells.
void Ladder::suspect(TimeNs now_ns, std::uint32_t rung) {
  Rung& r = rungs_[rung];
  if (r.config.kind == RungKind::kReflex || r.suspect) return;
  r.suspect = true;
  r.canary_due_ns = now_ns;
}

void Ladder::reflex_canary(TimeNs now_ns, std::uint32_t rung) {
  Rung& r = rungs_[rung];
  r.canary_due_ns = now_ns + health_period_ns(r) / 2;
  if (!ports_.reflex->evaluate(canary_input_, reflex_output_)) {
    probe(Probe::kWorkersReflexCanaryRefused);
    return;
  }
  probe(Probe::kWorkersReflexCanary);
  mark_answered(now_ns, r);
  ++r.counters.canaries;
}

}  // namespace lichen::ladder
