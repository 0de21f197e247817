// SPDX-License-Identifier: Apache-2.0
// Probes: places in deciders that a hunt must reach ("somebody really was rescued"). A simulation that never reaches a
// line proves nothing about it. probe(Probe::kX) adds one to a tally of this thread; nothing ever decides by it, so a
// run is the same with and without. -DLICHEN_PROBES=OFF leaves nothing of them.
//
// A new probe is a line in the table and a call where it must be reached.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// name, and what was reached
#define LICHEN_PROBE_TABLE(X)                                                                \
  X(kLadderDeadOnArrival, "ladder: a request came after its deadline")                       \
  X(kLadderRefusedStopping, "ladder: a request came while it was stopping")                  \
  X(kLadderStoppedOpen, "ladder: a stop refused what was open")                              \
  X(kLadderGoneStopping, "ladder: a worker went while it was stopping")                      \
  X(kLadderReadyTooLate, "ladder: a worker became ready after it had been killed")           \
  X(kLadderAnswerTooLate, "ladder: an answer of a job that had been given up")               \
  X(kLadderStale, "ladder: an answer to a request that had been answered otherwise")         \
  X(kLadderCanaryRefused, "ladder: a model refused the canary")                              \
  X(kLadderImplausible, "ladder: an answer that cannot be was not given")                    \
  X(kLadderInputRefused, "ladder: no model could do anything with the input")                \
  X(kCanaryWrong, "canaries: a worker answered otherwise than before, and was killed")       \
  X(kCanaryUnderLoad, "canaries: asked between two jobs")                                    \
  X(kVoteDecided, "voting: a majority decided")                                              \
  X(kVoteOutvoted, "voting: a rung was outvoted")                                            \
  X(kVoteLate, "voting: a ballot came after the decision")                                   \
  X(kVoteWithout, "voting: there was no majority")                                           \
  X(kCascadeSure, "cascade: a cheap answer was sure enough")                                 \
  X(kCascadeClimbs, "cascade: an unsure answer was kept, and a better rung asked")           \
  X(kCascadeKept, "cascade: the kept answer was given")                                      \
  X(kLimitPower, "limits: a rung takes too much power")                                      \
  X(kLimitLink, "limits: a cloud rung cannot be reached")                                    \
  X(kLimitBudget, "limits: the budget of a cloud rung was spent")                            \
  X(kPlacingWaits, "placing: a request waits for a busy rung")                               \
  X(kPlacingWaitedInVain, "placing: a request waited, and looks for another rung")           \
  X(kPlacingStarting, "placing: a request waits for the first start")                        \
  X(kPlacingProbation, "placing: better a rung on probation than no answer")                 \
  X(kPlacingOverdue, "placing: nobody queues behind a job that is overdue")                  \
  X(kPlacingProbe, "placing: an idle rung that seems too slow will be measured")             \
  X(kPlacingBeyondQueue, "placing: the queue is full, and the reflex table answers")         \
  X(kPlacingQueueFull, "placing: the queue is full, and nobody can answer")                  \
  X(kPlacingHedged, "placing: a request was hedged")                                         \
  X(kPlacingHedgeTooDear, "placing: a hedge was due, and the budget was spent")              \
  X(kPlacingRescued, "placing: a request was rescued shortly before its deadline")           \
  X(kPlacingLastResort, "placing: the reflex table answered as the last resort")             \
  X(kPlacingTooLate, "placing: nothing answered in time")                                    \
  X(kPlacingReflexRefused, "placing: the reflex table refused the input")                    \
  X(kPlacingDiedWithRequest, "placing: a rung went with a request that no other works on")   \
  X(kPlacingDiedHedged, "placing: a rung went with a request that another works on")         \
  X(kPlacingWaitersMoved, "placing: a rung went, and those that waited look further")        \
  X(kPlacingMinRung, "placing: refused, though a worse rung could have answered")            \
  X(kPlacingNobody, "placing: refused, for no rung can answer")                              \
  X(kWorkersStartHung, "workers: a start hung and was killed")                               \
  X(kWorkersHung, "workers: a job hung and its worker was killed")                           \
  X(kWorkersKillLost, "workers: a kill was not confirmed and was given up")                  \
  X(kWorkersUnloaded, "workers: a spare was unloaded")                                       \
  X(kWorkersSilent, "workers: a rung serves, but answers nothing")                           \
  X(kWorkersReflexCanary, "workers: the reflex table answered a canary")                     \
  X(kWorkersReflexCanaryRefused, "workers: the reflex table refused a canary")               \
  X(kBreakerOpened, "breaker: too many failures opened it")                                  \
  X(kBreakerReopened, "breaker: a failure while half open opened it again")                  \
  X(kBreakerClosed, "breaker: it closed")                                                    \
  X(kBreakerRestored, "breaker: it was open before a restart")                               \
  X(kBreakerForgot, "breaker: it had been well for so long that it starts small again")      \
  X(kBreakerLongest, "breaker: it opened for the longest time")                              \
  X(kDevicePatience, "device: the ladders started before the state was read")                \
  X(kDeviceRequestFirst, "device: a request came before the state was read")                 \
  X(kDeviceStateLate, "device: the state was read after the ladders had started")            \
  X(kDeviceStateBroken, "device: the state could not be read")                               \
  X(kDeviceRetry, "device: the state is tried again")                                        \
  X(kStateOlderGeneration, "state file: the newer generation was torn, the older one used")  \
  X(kStateSecured, "state file: a directory entry was secured before the other was touched") \
  X(kStateReadFailed, "state file: a read failed")                                           \
  X(kStateWriteFailed, "state file: a write failed")                                         \
  X(kStateSyncFailed, "state file: a sync failed, and it writes no more")                    \
  X(kStateReplacedWaiting, "state file: what waited to be written was replaced")             \
  X(kStateReopened, "state file: it was opened again after a failed read")                   \
  X(kStateWrittenAgain, "state file: the same generation was written again")

namespace lichen {

enum class Probe : std::uint8_t {
#define LICHEN_PROBE_ENUM(name, what) name,
  LICHEN_PROBE_TABLE(LICHEN_PROBE_ENUM)
#undef LICHEN_PROBE_ENUM
      kCount
};
inline constexpr std::size_t kProbes = static_cast<std::size_t>(Probe::kCount);

inline constexpr std::array<std::string_view, kProbes> kProbeNames = {
#define LICHEN_PROBE_NAME(name, what) what,
    LICHEN_PROBE_TABLE(LICHEN_PROBE_NAME)
#undef LICHEN_PROBE_NAME
};

using ProbeCounts = std::array<std::uint64_t, kProbes>;

#ifndef LICHEN_NO_PROBES
inline constexpr bool kHasProbes = true;
inline constinit thread_local ProbeCounts probe_counts{};
inline void probe(Probe p) {
  ++probe_counts[static_cast<std::size_t>(p)];
}
// What this thread reached since the last call.
inline ProbeCounts take_probe_counts() {
  const ProbeCounts counts = probe_counts;
  probe_counts = {};
  return counts;
}
#else
inline constexpr bool kHasProbes = false;
inline void probe(Probe) {}
inline ProbeCounts take_probe_counts() {
  return {};
}
#endif

}  // namespace lichen
