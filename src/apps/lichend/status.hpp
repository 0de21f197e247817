// SPDX-License-Identifier: Apache-2.0
// How a device shows itself: the body of GET /lichen/v1/status (which `lichen status` prints) and its metrics.
#pragma once

#include <functional>
#include <vector>

#include "base/json.hpp"
#include "device/device.hpp"
#include "doors/device_view.hpp"

namespace lichen::lichend {

struct HostFacts {
  TimeNs uptime_ns = 0;
  std::string version;
  bool sandboxed = true;
  std::function<int(std::uint32_t model, std::uint32_t rung)> worker_pid;  // 0: none
};

[[nodiscard]] Json status_json(const device::Device& device, TimeNs now_ns, const HostFacts& facts);
[[nodiscard]] doors::ModelState state_of(const device::Device& device, TimeNs now_ns, std::uint32_t model);
// Runs of its rungs for requests.
[[nodiscard]] std::uint64_t executions_of(const device::Device& device, TimeNs now_ns, std::uint32_t model);
[[nodiscard]] std::vector<doors::Metric> device_metrics(const device::Device& device, TimeNs now_ns);

}  // namespace lichen::lichend
