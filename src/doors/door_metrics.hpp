// SPDX-License-Identifier: Apache-2.0
// What the REST door counts, and the text in which Prometheus reads metrics.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "doors/device_view.hpp"
#include "protocol/contract.hpp"

namespace lichen::doors {

class DurationHistogram {
 public:
  void observe(TimeNs duration_ns);
  [[nodiscard]] MetricSample sample() const;

 private:
  static constexpr std::array<TimeNs, 15> kBoundsNs = {100 * kMicrosecondNs,
                                                       250 * kMicrosecondNs,
                                                       500 * kMicrosecondNs,
                                                       1 * kMillisecondNs,
                                                       2 * kMillisecondNs,
                                                       5 * kMillisecondNs,
                                                       10 * kMillisecondNs,
                                                       20 * kMillisecondNs,
                                                       50 * kMillisecondNs,
                                                       100 * kMillisecondNs,
                                                       200 * kMillisecondNs,
                                                       500 * kMillisecondNs,
                                                       kSecondNs,
                                                       5 * kSecondNs,
                                                       20 * kSecondNs};
  std::array<std::uint64_t, kBoundsNs.size() + 1> counts_{};
  TimeNs sum_ns_ = 0;
};

// Timeouts by what the client failed to do.
enum class TimedOut : std::uint8_t { kIdle, kHeader, kBody, kWrite };

struct DoorMetrics {
  std::map<int, std::uint64_t> replies_by_status;
  std::array<std::uint64_t, 4> timeouts{};  // by TimedOut
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_turned_away = 0;
  std::uint64_t connections_gave_way = 0;
  std::uint64_t requests_over_share = 0;
  std::uint64_t accept_errors = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t answers_late = 0;                  // heard of after the deadline
  std::uint64_t answers_undelivered = 0;           // the client was gone
  std::uint64_t answers_stray = 0;                 // for requests that were not open: a bug of the device
  std::uint64_t requests_unanswered = 0;           // given up after the deadline: a bug of the device
  std::vector<DurationHistogram> infer_durations;  // by model

  [[nodiscard]] std::vector<Metric> metrics(std::span<const protocol::Contract> contracts, std::size_t connections,
                                            std::size_t requests_open) const;
};

inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

// Prometheus text exposition format 0.0.4.
[[nodiscard]] std::string exposition(std::span<const Metric> metrics);

}  // namespace lichen::doors
