// SPDX-License-Identifier: Apache-2.0
// What a door may ask the device beside inference: health, status, metrics. Called on the device's thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"

namespace lichen::doors {

enum class MetricKind : std::uint8_t { kCounter, kGauge, kHistogram };

struct MetricBucket {
  double upper_bound = 0;  // in the metric's base unit; the last one is infinity
  std::uint64_t cumulative_count = 0;
};

struct MetricSample {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;  // of a counter or gauge; of a histogram: the sum of what was observed
  std::vector<MetricBucket> buckets;
};

// One named metric, as Prometheus shows it: prefix lichen_, base units, counters end in _total.
struct Metric {
  std::string name;
  std::string help;
  MetricKind kind = MetricKind::kGauge;
  std::vector<MetricSample> samples;
};

class DeviceView {
 public:
  virtual ~DeviceView() = default;
  // The agent runs and makes progress.
  [[nodiscard]] virtual bool live() const = 0;
  // Every model is ready.
  [[nodiscard]] virtual bool ready() const = 0;
  // A request or canary was answered end to end within the last period. `model` is the index of its contract.
  [[nodiscard]] virtual bool model_ready(std::uint32_t model) const = 0;
  // The body of GET /lichen/v1/status.
  [[nodiscard]] virtual Json status() const = 0;
  [[nodiscard]] virtual std::vector<Metric> metrics() const = 0;
};

}  // namespace lichen::doors
