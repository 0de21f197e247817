// SPDX-License-Identifier: Apache-2.0
// How a device shows itself: the body of GET /lichen/v1/status (which `lichen status` prints) and its metrics.
#pragma once

#include <functional>
#include <vector>

#include "base/json.hpp"
#include "device/device.hpp"
#include "doors/device_view.hpp"
#include "posix/scrubber.hpp"

namespace lichen::lichend {

// What the host knows of a rung's worker.
struct WorkerFacts {
  int pid = 0;                     // 0: none
  std::uint64_t memory_bytes = 0;  // its own, as last measured; 0: unknown
  posix::ScrubCounters scrub;      // of all workers of the rung so far
  std::uint64_t damage_found = 0;  // of them ended because their weights were damaged beyond repair
};
using WorkerFactsOf = std::function<WorkerFacts(std::uint32_t model, std::uint32_t rung)>;

struct HostFacts {
  TimeNs uptime_ns = 0;
  std::string version;
  bool sandboxed = true;
  WorkerFactsOf worker;
};

[[nodiscard]] Json status_json(const device::Device& device, TimeNs now_ns, const HostFacts& facts);
[[nodiscard]] doors::ModelState state_of(const device::Device& device, TimeNs now_ns, std::uint32_t model);
// Runs of its rungs for requests.
[[nodiscard]] std::uint64_t executions_of(const device::Device& device, TimeNs now_ns, std::uint32_t model);
[[nodiscard]] std::vector<doors::Metric> device_metrics(const device::Device& device, TimeNs now_ns, const WorkerFactsOf& worker);

}  // namespace lichen::lichend
