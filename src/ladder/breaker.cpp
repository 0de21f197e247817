// SPDX-License-Identifier: Apache-2.0
#include "ladder/breaker.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/planted.hpp"
#include "base/probe.hpp"

namespace lichen::ladder {
namespace {

constexpr std::uint32_t kDoublingsMax = 20;  // beyond it every cap is reached

TimeNs doubled(TimeNs first_ns, std::uint32_t times, TimeNs max_ns) {
  TimeNs grown_ns = first_ns;
  for (std::uint32_t i = 0; i < times && grown_ns < max_ns; ++i) grown_ns *= 2;
  return std::min(grown_ns, max_ns);
}

}  // namespace

std::string_view name_of(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return "closed";
    case BreakerState::kOpen:
      return "open";
    case BreakerState::kHalfOpen:
      return "half_open";
  }
  return "closed";
}

Breaker::Breaker(const BreakerConfig& config, ports::Random& random) : config_(config), random_(random) {
  LICHEN_ASSERT(config.failures_max >= 1 && config.failures_max <= kBreakerFailuresMax);
  LICHEN_ASSERT(config.open_ns > 0 && config.backoff_ns > 0);
  LICHEN_ASSERT(config.open_max_ns <= kHourNs * 24 && config.backoff_max_ns <= kHourNs);
}

TimeNs Breaker::failed(TimeNs now_ns) {
  const bool half_open = state(now_ns) == BreakerState::kHalfOpen;
  recent_[recent_count_ % config_.failures_max] = now_ns;
  ++recent_count_;
  ++failures_in_row_;
  const TimeNs oldest_ns = recent_[recent_count_ % config_.failures_max];
  const bool too_many = recent_count_ >= config_.failures_max && now_ns - oldest_ns <= config_.window_ns;
  if (half_open || (too_many && !planted(Bug::kBreakerNeverOpens))) {
    probe(half_open ? Probe::kBreakerReopened : Probe::kBreakerOpened);
    return open(now_ns);
  }
  const TimeNs bound_ns = doubled(config_.backoff_ns, failures_in_row_ - 1, config_.backoff_max_ns);
  return now_ns + static_cast<TimeNs>(random_.below(static_cast<std::uint64_t>(bound_ns)));
}

TimeNs Breaker::open(TimeNs now_ns) {
  if (times_opened_ > 0 && now_ns - open_until_ns_ > kWindowsToForget * config_.window_ns) {
    probe(Probe::kBreakerForgot);
    times_opened_ = 0;
  }
  open_until_ns_ = now_ns + doubled(config_.open_ns, times_opened_, config_.open_max_ns);
  if (open_until_ns_ - now_ns == config_.open_max_ns) probe(Probe::kBreakerLongest);
  if (planted(Bug::kBreakerNeverCloses)) open_until_ns_ = kNeverNs;
  if (times_opened_ < kDoublingsMax) ++times_opened_;
  opened_ = true;
  recent_count_ = 0;
  return open_until_ns_;
}

void Breaker::proved() {
  if (opened_) probe(Probe::kBreakerClosed);
  failures_in_row_ = 0;
  opened_ = false;
}

void Breaker::restore(std::uint32_t times_opened) {
  times_opened_ = std::min(times_opened, kDoublingsMax);
  opened_ = times_opened_ > 0;
  if (opened_) probe(Probe::kBreakerRestored);
}

BreakerState Breaker::state(TimeNs now_ns) const {
  if (!opened_) return BreakerState::kClosed;
  return now_ns < open_until_ns_ ? BreakerState::kOpen : BreakerState::kHalfOpen;
}

}  // namespace lichen::ladder
