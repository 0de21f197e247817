// SPDX-License-Identifier: Apache-2.0
// Planted bugs: mistakes that the simulation must be able to find, compiled in only with -DLICHEN_PLANTED_BUGS=ON
// (preset `planted`) and switched on by `lichen sim hunt --plant NAME`. In every other build planted() is constant
// false. Each sits where such a mistake would be made; a new one is a row here and a line there.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lichen {

enum class Bug : std::uint8_t {
  kNone,
  kForgottenFsync,
  kLostCompletion,
  kDoubleAnswer,
  kBreakerNeverCloses,
  kReadinessLies,
  kWrongSlot,
  kLateLastResort,
  kMinRungIgnored,
  kSlotLeak,
  kHangNotKilled,
  kWaitsForEver,
  kDyingForEver,
  kStepUpTooEarly,
  kBreakerNeverOpens,
  kBreakerNotRestored,
  kTornAccepted,
  kSameSlot,
  kMissingDirectorySync,
  kFailedSyncRetried,
  kUnreadableIsEmpty,
  kSpins,
  kSpareNotUnloaded,
  kHedgesWithoutBudget,
  kWrongReason,
  kProbeForgotten,
  kStopForgetsWaiting,
  kWrongKept,
  kMinorityWins,
  kBudgetIgnored,
};

struct BugRow {
  Bug bug;
  std::string_view name;
  std::string_view mistake;
};

inline constexpr std::array<BugRow, 29> kBugs = {{
    {Bug::kForgottenFsync, "forgotten-fsync", "the state file is called durable without a sync"},
    {Bug::kLostCompletion, "lost-completion", "a hedged request is forgotten when its first worker dies"},
    {Bug::kDoubleAnswer, "double-answer", "both answers of a hedged request are delivered"},
    {Bug::kBreakerNeverCloses, "breaker-never-closes", "an open breaker is never tried again"},
    {Bug::kReadinessLies, "readiness-lies", "a model stays ready although nothing answers any more"},
    {Bug::kWrongSlot, "wrong-slot", "a late answer goes to whoever has the request's slot now"},
    {Bug::kLateLastResort, "late-last-resort", "no time is kept for the last resort"},
    {Bug::kMinRungIgnored, "min-rung-ignored", "the reflex table answers whoever asked for better"},
    {Bug::kSlotLeak, "slot-leak", "the slot of a refused request is not given back"},
    {Bug::kHangNotKilled, "hang-not-killed", "a worker that hangs is left alone"},
    {Bug::kWaitsForEver, "waits-for-ever", "a request that waits for a first start has no end"},
    {Bug::kDyingForEver, "dying-for-ever", "a kill that is not confirmed is never given up"},
    {Bug::kStepUpTooEarly, "step-up-too-early", "a rung that failed serves without its dwell time"},
    {Bug::kBreakerNeverOpens, "breaker-never-opens", "failures are counted, and nothing comes of it"},
    {Bug::kBreakerNotRestored, "breaker-not-restored", "a restart forgets which breakers were open"},
    {Bug::kTornAccepted, "torn-accepted", "a state file is believed without its CRC"},
    {Bug::kSameSlot, "same-slot", "the state file overwrites its only good generation"},
    {Bug::kMissingDirectorySync, "missing-directory-sync", "a new state file's name is never synced"},
    {Bug::kFailedSyncRetried, "failed-sync-retried", "a sync that failed is tried again, and believed"},
    {Bug::kUnreadableIsEmpty, "unreadable-is-empty", "a state file that cannot be read is taken for none"},
    {Bug::kSpins, "spins", "the next wake of a busy rung is in the past"},
    {Bug::kSpareNotUnloaded, "spare-not-unloaded", "spares stay loaded after the better rungs are well"},
    {Bug::kHedgesWithoutBudget, "hedges-without-budget", "hedges cost no tokens"},
    {Bug::kWrongReason, "wrong-reason", "an answer from below says that it is the best"},
    {Bug::kProbeForgotten, "probe-forgotten", "a rung that was slow once is never measured again"},
    {Bug::kStopForgetsWaiting, "stop-forgets-waiting", "requests that wait are not refused when the device stops"},
    {Bug::kWrongKept, "wrong-kept", "a worker that answers its canary wrongly is left alone"},
    {Bug::kMinorityWins, "minority-wins", "one vote more is counted than was given"},
    {Bug::kBudgetIgnored, "budget-ignored", "the cloud is asked whatever it costs"},
}};

#ifdef LICHEN_PLANTED_BUGS
inline Bug planted_bug = Bug::kNone;
[[nodiscard]] inline bool planted(Bug bug) {
  return planted_bug == bug;
}
#else
[[nodiscard]] constexpr bool planted(Bug) {
  return false;
}
#endif

}  // namespace lichen
