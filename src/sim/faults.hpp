// SPDX-License-Identifier: Apache-2.0
// When faults strike a device, and how hard: a stream of its own per device and fault.
#pragma once

#include <cstdint>

#include "base/units.hpp"
#include "sim/options.hpp"

namespace lichen::sim {

inline constexpr std::uint32_t kFaultKinds = 10;

// The set of faults of a run.
[[nodiscard]] std::uint32_t chosen_faults(const Options& options);

// Mean time between two strikes of this fault on one device.
[[nodiscard]] TimeNs mean_interval_ns(Fault fault);

}  // namespace lichen::sim
