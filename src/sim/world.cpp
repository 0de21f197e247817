// SPDX-License-Identifier: Apache-2.0
#include "sim/world.hpp"

#include <memory>
#include <vector>

#include "base/assert.hpp"
#include "sim/device_world.hpp"

namespace lichen::sim {
namespace {

constexpr std::uint64_t kEventsPerProgress = 1 << 20;
constexpr TimeNs kTailNs = 2 * kSecondNs;  // after the last request: every deadline has passed

}  // namespace

Report run(const Options& options, const std::function<void(const Progress&)>& progress) {
  LICHEN_ASSERT(options.devices >= 1 && options.devices <= kDevicesMax && options.hours >= 1 &&
                options.hours <= kHoursMax);
  Shared shared;
  shared.report.options = options;
  shared.report.faults = chosen_faults(options);
  const TimeNs end_ns = static_cast<TimeNs>(options.hours) * kHourNs;
  shared.faults_until_ns = end_ns - kHealNs;
  shared.requests_until_ns = end_ns - kTailNs;

  std::vector<std::unique_ptr<DeviceWorld>> devices;
  devices.reserve(options.devices);
  for (std::uint32_t d = 0; d < options.devices; ++d) devices.push_back(std::make_unique<DeviceWorld>(shared, d));

  while (!shared.queue.empty() && shared.queue.next_ns() <= end_ns && !shared.report.violation) {
    const fakes::Event event = shared.queue.pop();
    devices[event.target]->handle(event);
    ++shared.report.events;
    if (progress && shared.report.events % kEventsPerProgress == 0) progress({shared.queue.now_ns(), end_ns});
  }
  for (auto& device : devices) {
    if (!shared.report.violation) device->check_liveness();
  }
  shared.report.trace_hash = shared.trace.value();
  return shared.report;
}

}  // namespace lichen::sim
