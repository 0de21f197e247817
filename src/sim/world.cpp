// SPDX-License-Identifier: Apache-2.0
#include "sim/world.hpp"

#include <memory>
#include <vector>

#include "base/assert.hpp"
#include "sim/device_world.hpp"

namespace lichen::sim {
namespace {

constexpr std::uint64_t kEventsPerProgress = 1 << 20;

}  // namespace

Report run(const Plan& plan, const Onlookers& onlookers) {
  LICHEN_ASSERT(!plan.devices.empty() && plan.end_ns > 0);
  [[maybe_unused]] const ProbeCounts of_others = take_probe_counts();
  Shared shared(plan);
  shared.report.plan = plan;
  shared.report.plan.strikes.reset();
  shared.timeline = onlookers.timeline;

  std::vector<std::unique_ptr<DeviceWorld>> devices;
  devices.reserve(plan.devices.size());
  for (const std::uint32_t number : plan.devices) {
    devices.push_back(std::make_unique<DeviceWorld>(shared, static_cast<std::uint32_t>(devices.size()), number));
  }
  Report& report = shared.report;
  while (!shared.queue.empty() && shared.queue.next_ns() <= plan.end_ns && !report.violation) {
    const fakes::Event event = shared.queue.pop();
    devices[event.target]->handle(event);
    ++report.events;
    if (onlookers.log != nullptr) {
      onlookers.log->add(report.events, {shared.queue.now_ns(), plan.devices[event.target], event.kind, event.a,
                                         event.b, shared.trace.value()});
    }
    if (onlookers.progress && report.events % kEventsPerProgress == 0) {
      onlookers.progress({shared.queue.now_ns(), plan.end_ns});
    }
  }
  for (auto& device : devices) {
    if (!report.violation) device->check_liveness();
  }
  report.trace_hash = shared.trace.value();
  report.probes = take_probe_counts();
  return report;
}

}  // namespace lichen::sim
