// SPDX-License-Identifier: Apache-2.0
// The simulated world: many devices, each the same Device decider that lichend runs, on fake workers, a forgetful disk
// and virtual time, with clients that ask and faults that strike. One thread, one seed, one trace.
//
// First safety: invariants are checked at every step of every device. Then liveness: before the end all faults stop
// (kHealNs, if the run is long enough), and every device must be back on its best rung.
#pragma once

#include <functional>

#include "sim/options.hpp"
#include "sim/report.hpp"

namespace lichen::sim {

inline constexpr TimeNs kHealNs = 30 * kMinuteNs;

struct Progress {
  TimeNs now_ns = 0;
  TimeNs end_ns = 0;
};

// Runs to the end, or to the first broken invariant. `progress` is called now and then (may be empty).
[[nodiscard]] Report run(const Options& options, const std::function<void(const Progress&)>& progress = {});

}  // namespace lichen::sim
