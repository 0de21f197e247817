// SPDX-License-Identifier: Apache-2.0
// Strategy::kCascade: the cheapest rung is asked first. An answer that is sure enough is given; else it is kept, and the
// next better rung is asked if it can answer in time. The best answer that came is the one that is given.
#include <algorithm>

#include "base/assert.hpp"
#include "base/probe.hpp"
#include "ladder/ladder.hpp"

namespace lichen::ladder {

bool Ladder::sure_enough(std::uint32_t rung, ByteView output) const {
  if (ports_.judge == nullptr) return false;
  const auto confidence = ports_.judge->confidence(rung, output);
  return confidence && *confidence >= config_.confident_ppm;
}

void Ladder::climb(TimeNs now_ns, std::uint32_t slot) {
  Slot& s = slots_[slot];
  LICHEN_ASSERT(s.running == 0);
  s.waiting = 0;
  s.hedge_ns = kNeverNs;
  s.rescue_ns = kNeverNs;
  auto blame = ports::AnswerReason::kBest;
  for (std::uint32_t rung = s.ballots_cast > 0 ? s.ballots[0].rung : s.request.min_rung + 1; rung-- > 0;) {
    if ((s.tried & bit(rung)) != 0) continue;
    if (reflex_rung(rung)) {
      if (!evaluate_reflex(now_ns, s)) continue;
      if (sure_enough(rung, reflex_output_)) {
        probe(Probe::kCascadeSure);
        s.reason = ports::AnswerReason::kConfident;
        return deliver(now_ns, slot, rung, reflex_output_);
      }
      keep(s, rung, reflex_output_);
      continue;
    }
    auto reason = ports::AnswerReason::kBest;
    const Fit how = fit(now_ns, s, rung, false, reason);
    if (how == Fit::kNo) {
      if (blame == ports::AnswerReason::kBest) blame = reason;
      continue;
    }
    if (s.ballots_cast > 0) {
      probe(Probe::kCascadeClimbs);
      ++counters_.escalations;
    }
    if (how == Fit::kNow) return dispatch(now_ns, slot, rung);
    s.waiting |= bit(rung);
    return plan_look(s);
  }
  if (s.reason == ports::AnswerReason::kBest) s.reason = blame;
  if (s.ballots_cast > 0) {
    probe(Probe::kCascadeKept);
    return deliver(now_ns, slot, s.ballots[0].rung, s.ballots[0].output);
  }
  place_best_first(now_ns, slot);
}

// An answer came: give it, or keep it while a better rung is asked.
void Ladder::weigh(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ByteView output) {
  Slot& s = slots_[slot];
  s.running &= ~bit(rung);
  if (rung == 0) return deliver(now_ns, slot, rung, output);
  if (sure_enough(rung, output)) {
    probe(Probe::kCascadeSure);
    s.reason = ports::AnswerReason::kConfident;
    return deliver(now_ns, slot, rung, output);
  }
  const bool better = s.ballots_cast == 0 || rung < s.ballots[0].rung;
  if (better) {
    s.ballots_cast = 0;
    keep(s, rung, output);
  }
  if (s.running == 0) climb(now_ns, slot);
}

}  // namespace lichen::ladder
