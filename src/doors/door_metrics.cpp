// SPDX-License-Identifier: Apache-2.0
#include "doors/door_metrics.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace lichen::doors {
namespace {

double seconds_of(TimeNs ns) {
  return static_cast<double>(ns) / static_cast<double>(kSecondNs);
}

MetricSample count_of(std::uint64_t value, std::vector<std::pair<std::string, std::string>> labels = {}) {
  return {std::move(labels), static_cast<double>(value), {}};
}

Metric counter(std::string name, std::string help, std::uint64_t value) {
  return {std::move(name), std::move(help), MetricKind::kCounter, {count_of(value)}};
}

Metric gauge(std::string name, std::string help, std::size_t value) {
  return {std::move(name), std::move(help), MetricKind::kGauge, {count_of(value)}};
}

prometheus::ClientMetric::Histogram histogram_of(const MetricSample& sample) {
  prometheus::ClientMetric::Histogram histogram;
  histogram.sample_sum = sample.value;
  for (const MetricBucket& bucket : sample.buckets) {
    histogram.bucket.push_back({bucket.cumulative_count, bucket.upper_bound});
    histogram.sample_count = bucket.cumulative_count;
  }
  return histogram;
}

prometheus::MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return prometheus::MetricType::Counter;
    case MetricKind::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::MetricFamily family_of(const Metric& metric) {
  prometheus::MetricFamily family{metric.name, metric.help, type_of(metric.kind), {}};
  for (const MetricSample& sample : metric.samples) {
    prometheus::ClientMetric& out = family.metric.emplace_back();
    for (const auto& [name, value] : sample.labels) out.label.push_back({name, value});
    switch (metric.kind) {
      case MetricKind::kCounter:
        out.counter.value = sample.value;
        break;
      case MetricKind::kGauge:
        out.gauge.value = sample.value;
        break;
      case MetricKind::kHistogram:
        out.histogram = histogram_of(sample);
        break;
    }
  }
  return family;
}

}  // namespace

void DurationHistogram::observe(TimeNs duration_ns) {
  const auto bound = std::ranges::lower_bound(kBoundsNs, duration_ns);
  ++counts_[static_cast<std::size_t>(bound - kBoundsNs.begin())];
  sum_ns_ += duration_ns;
}

MetricSample DurationHistogram::sample() const {
  MetricSample sample;
  sample.value = seconds_of(sum_ns_);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    cumulative += counts_[i];
    const bool last = i == kBoundsNs.size();
    sample.buckets.push_back({last ? std::numeric_limits<double>::infinity() : seconds_of(kBoundsNs[i]), cumulative});
  }
  return sample;
}

std::vector<Metric> DoorMetrics::metrics(std::span<const protocol::Contract> contracts, std::size_t connections,
                                         std::size_t requests_open) const {
  Metric replies{
      "lichen_rest_requests_total", "HTTP requests that were replied to, by status.", MetricKind::kCounter, {}};
  for (const auto& [status, count] : replies_by_status) {
    replies.samples.push_back(count_of(count, {{"status", std::to_string(status)}}));
  }
  Metric timed_out{
      "lichen_rest_timeouts_total", "Connections closed because the client was too slow.", MetricKind::kCounter, {}};
  constexpr const char* kPhases[] = {"idle", "header", "body", "write"};
  for (std::size_t i = 0; i < timeouts.size(); ++i) {
    timed_out.samples.push_back(count_of(timeouts[i], {{"phase", kPhases[i]}}));
  }
  Metric durations{"lichen_rest_infer_duration_seconds",
                   "From a complete infer request to its reply being written.",
                   MetricKind::kHistogram,
                   {}};
  for (std::size_t i = 0; i < contracts.size(); ++i) {
    durations.samples.push_back(infer_durations[i].sample());
    durations.samples.back().labels = {{"model", contracts[i].model}};
  }
  return {
      std::move(replies),
      std::move(timed_out),
      std::move(durations),
      gauge("lichen_rest_connections", "Open connections.", connections),
      gauge("lichen_rest_requests_open", "Infer requests that the device has not answered yet.", requests_open),
      counter("lichen_rest_connections_total", "Connections accepted.", connections_accepted),
      counter("lichen_rest_connections_turned_away_total", "Connections refused at the limit.",
              connections_turned_away),
      counter("lichen_rest_accept_errors_total", "Connections that the system could not accept.", accept_errors),
      counter("lichen_rest_received_bytes_total", "Bytes received.", received_bytes),
      counter("lichen_rest_sent_bytes_total", "Bytes sent.", sent_bytes),
      counter("lichen_rest_answers_late_total", "Answers heard of after their deadline.", answers_late),
      counter("lichen_rest_answers_undelivered_total", "Answers whose client was gone.", answers_undelivered),
      counter("lichen_rest_answers_stray_total", "Answers to requests that were not open.", answers_stray),
      counter("lichen_rest_requests_unanswered_total", "Requests given up after their deadline.", requests_unanswered),
      counter("lichen_rest_connections_gave_way_total", "Waiting connections closed to make room for others.",
              connections_gave_way),
      counter("lichen_rest_requests_over_share_total", "Requests refused because their client has too many open.",
              requests_over_share),
  };
}

std::string exposition(std::span<const Metric> metrics) {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(metrics.size());
  for (const Metric& metric : metrics) families.push_back(family_of(metric));
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace lichen::doors
