// SPDX-License-Identifier: Apache-2.0
// What a door may ask the device beside inference: health, status, metrics, and which models are loaded. Called on the
// device's thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
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

struct ModelState {
  bool loaded = true;
  bool failing = false;      // nothing answers and nothing starts: waiting for the next try
  std::string trouble = {};  // the last one of its best rung
};

class DeviceView {
 public:
  virtual ~DeviceView() = default;
  // The agent runs and makes progress.
  [[nodiscard]] virtual bool live() const = 0;
  // Every model that is loaded is ready.
  [[nodiscard]] virtual bool ready() const = 0;
  // A request or canary was answered end to end within the last period. `model` is the index of its contract.
  [[nodiscard]] virtual bool model_ready(std::uint32_t model) const = 0;
  [[nodiscard]] virtual ModelState model_state(std::uint32_t model) const = 0;
  // How often a rung ran the model for a request: more often than there were answers, where rungs were hedged.
  [[nodiscard]] virtual std::uint64_t executions(std::uint32_t model) const = 0;
  // Starts the model (anew, if it runs), or stops it; what is open is refused. Takes effect before it returns;
  // readiness comes later. kUnsupported: clients may not do this here.
  virtual Result<void> load(std::uint32_t model) = 0;
  virtual Result<void> unload(std::uint32_t model) = 0;
  // The body of GET /lichen/v1/status.
  [[nodiscard]] virtual Json status() const = 0;
  [[nodiscard]] virtual std::vector<Metric> metrics() const = 0;
};

}  // namespace lichen::doors
