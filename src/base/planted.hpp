// SPDX-License-Identifier: Apache-2.0
// Planted bugs: mistakes that the simulation must be able to find, compiled in only with -DLICHEN_PLANTED_BUGS=ON
// (preset `planted`) and switched on by `lichen sim run --plant NAME`. In every other build planted() is constant
// false.
#pragma once

#include <cstdint>

namespace lichen {

enum class Bug : std::uint8_t {
  kNone,
  kForgottenFsync,      // the state file is reported durable without syncing it
  kLostCompletion,      // a request that was hedged is forgotten when its first worker dies
  kDoubleAnswer,        // both answers of a hedged request are delivered
  kBreakerNeverCloses,  // an open breaker is never tried again
  kReadinessLies,       // a model stays "ready" although nothing has answered for a whole period
};

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
