// SPDX-License-Identifier: Apache-2.0
// Strategy::kVote: vote_rungs rungs are asked, and the answer on which more than half of that number agree is given, as
// soon as that is certain. A rung that cannot answer is replaced by the next one. Without a majority there is no answer.
#include <algorithm>
#include <bit>

#include "base/planted.hpp"
#include "base/probe.hpp"
#include "ladder/ladder.hpp"

namespace lichen::ladder {

bool Ladder::agree(ByteView a, ByteView b) const {
  return ports_.judge != nullptr ? ports_.judge->agree(a, b) : std::ranges::equal(a, b);
}

void Ladder::keep(Slot& s, std::uint32_t rung, ByteView output) const {
  if (s.ballots.size() == s.ballots_cast) s.ballots.emplace_back();
  Ballot& ballot = s.ballots[s.ballots_cast++];
  ballot.rung = rung;
  ballot.output.assign(output.begin(), output.end());
}

// Asks rungs, the best first, until vote_rungs have answered, work on it, or are waited for.
void Ladder::elect(TimeNs now_ns, std::uint32_t slot) {
  Slot& s = slots_[slot];
  s.waiting = 0;
  auto blame = ports::AnswerReason::kBest;
  std::uint32_t asked = s.ballots_cast + static_cast<std::uint32_t>(std::popcount(s.running));
  for (std::uint32_t rung = 0; rung <= s.request.min_rung && asked < config_.vote_rungs; ++rung) {
    if ((s.tried & bit(rung)) != 0) continue;
    if (reflex_rung(rung)) {
      if (!evaluate_reflex(now_ns, s)) continue;
      keep(s, rung, reflex_output_);
      ++asked;
      continue;
    }
    auto reason = ports::AnswerReason::kBest;
    const Fit how = starts_first(rungs_[rung]) && may_be_used(rungs_[rung]) ? Fit::kWait
                                                                            : fit(now_ns, s, rung, false, reason);
    if (how == Fit::kNo) {
      if (blame == ports::AnswerReason::kBest) blame = reason;
      continue;
    }
    ++asked;
    if (how == Fit::kNow) {
      dispatch(now_ns, slot, rung);
    } else {
      s.waiting |= bit(rung);
    }
  }
  if (s.reason == ports::AnswerReason::kBest) s.reason = blame;
  if (decide(now_ns, slot)) return;
  const auto possible = static_cast<std::uint32_t>(std::popcount(s.running | s.waiting));
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < s.ballots_cast; ++i) most = std::max(most, votes_for(s, s.ballots[i]));
  if (most + possible >= quorum()) return plan_look(s);
  if (s.ballots_cast > 1) probe(Probe::kVoteWithout);
  refuse(now_ns, slot, s.ballots_cast > 1 ? ports::RefusalReason::kNoMajority : refusal_for(now_ns, s, s.reason));
}

void Ladder::cast(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ByteView output) {
  Slot& s = slots_[slot];
  s.running &= ~bit(rung);
  keep(s, rung, output);
  elect(now_ns, slot);
}

std::uint32_t Ladder::votes_for(const Slot& s, const Ballot& ballot) const {
  std::uint32_t votes = 0;
  for (std::uint32_t i = 0; i < s.ballots_cast; ++i) {
    votes += &s.ballots[i] == &ballot || agree(s.ballots[i].output, ballot.output) ? 1 : 0;
  }
  return votes;
}

// True: there is a majority, and the request has ended with the answer of the best rung in it.
bool Ladder::decide(TimeNs now_ns, std::uint32_t slot) {
  Slot& s = slots_[slot];
  const Ballot* winner = nullptr;
  for (std::uint32_t i = 0; i < s.ballots_cast; ++i) {
    const std::uint32_t votes = votes_for(s, s.ballots[i]) + (planted(Bug::kMinorityWins) ? 1 : 0);
    if (votes < quorum() || (winner != nullptr && winner->rung < s.ballots[i].rung)) continue;
    winner = &s.ballots[i];
    s.votes = votes;
  }
  if (winner == nullptr) return false;
  probe(Probe::kVoteDecided);
  declare(now_ns, slot, *winner);
  return true;
}

void Ladder::declare(TimeNs now_ns, std::uint32_t slot, const Ballot& winner) {
  Slot& s = slots_[slot];
  for (std::uint32_t i = 0; i < s.ballots_cast; ++i) {
    const Ballot& other = s.ballots[i];
    if (&other == &winner || agree(other.output, winner.output)) continue;
    ++rungs_[other.rung].counters.outvoted;
    suspect(now_ns, other.rung);
    probe(Probe::kVoteOutvoted);
    if (other.rung > winner.rung) continue;
    s.reason = ports::AnswerReason::kOutvoted;
  }
  if (s.reason == ports::AnswerReason::kBest) s.reason = ports::AnswerReason::kMajority;
  for (Rung& r : rungs_) {
    if (r.job == 0 || r.job_slot != slot) continue;
    r.late_ballot = true;
    r.majority.assign(winner.output.begin(), winner.output.end());
  }
  deliver(now_ns, slot, winner.rung, winner.output);
}

// It was decided without this rung, which shows now whether it agrees.
void Ladder::compare_late(TimeNs now_ns, std::uint32_t rung, ByteView output) {
  Rung& r = rungs_[rung];
  probe(Probe::kVoteLate);
  if (agree(output, r.majority)) return;
  ++r.counters.outvoted;
  suspect(now_ns, rung);
}

// The deadline is near: the table may still make a majority, nobody else can.
void Ladder::close_poll(TimeNs now_ns, std::uint32_t slot) {
  Slot& s = slots_[slot];
  if (evaluate_reflex(now_ns, s)) {
    keep(s, rungs() - 1, reflex_output_);
    if (decide(now_ns, slot)) return;
  }
  refuse(now_ns, slot,
         s.ballots_cast > 1 ? ports::RefusalReason::kNoMajority : ports::RefusalReason::kDeadlineExceeded);
}

}  // namespace lichen::ladder
