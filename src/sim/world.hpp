// SPDX-License-Identifier: Apache-2.0
// The simulated world: many devices, each the same Device decider that lichend runs, on fake workers, a forgetful disk
// and virtual time, with clients that ask and faults that strike. One thread, one seed, one trace.
//
// First safety: invariants are checked at every step of every device. Then liveness: before the end a core is healed
// (all of most devices, some rungs of others), and what the core can answer must be answered.
#pragma once

#include <functional>

#include "sim/hash_log.hpp"
#include "sim/options.hpp"
#include "sim/plan.hpp"
#include "sim/report.hpp"
#include "sim/timeline.hpp"

namespace lichen::sim {

struct Progress {
  TimeNs now_ns = 0;
  TimeNs end_ns = 0;
};

// Who looks on; nobody of them changes anything in a run.
struct Onlookers {
  std::function<void(const Progress&)> progress = {};  // called now and then
  Timeline* timeline = nullptr;
  HashLog* log = nullptr;
};

// Runs to the end, or to the first broken invariant.
[[nodiscard]] Report run(const Plan& plan, const Onlookers& onlookers = {});
[[nodiscard]] inline Report run(const Options& options) {
  return run(plan_of(options));
}

}  // namespace lichen::sim
