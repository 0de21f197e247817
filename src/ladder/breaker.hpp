// SPDX-License-Identifier: Apache-2.0
// Decides when a rung's worker may be started again: at once with jitter after single failures, not for a while after
// several in a row (a circuit breaker: closed, open, half-open), and learns that it is well again when it has proved
// itself.
//
//   closed    -- failures_max failures within the window -->  open (for open_ns, doubled each time in a row)
//   open      -- the time is over -->                         half-open: one start is allowed
//   half-open -- a failure -->                                open
//   half-open -- proved -->                                   closed
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/units.hpp"
#include "ports/random.hpp"

namespace lichen::ladder {

enum class BreakerState : std::uint8_t { kClosed, kOpen, kHalfOpen };
[[nodiscard]] std::string_view name_of(BreakerState state);

struct BreakerConfig {
  std::uint32_t failures_max = 3;  // 1 to kBreakerFailuresMax
  TimeNs window_ns = 60 * kSecondNs;
  TimeNs open_ns = 10 * kSecondNs;  // the first time
  TimeNs open_max_ns = 5 * kMinuteNs;
  TimeNs backoff_ns = 20 * kMillisecondNs;  // between single failures: uniform in [0, backoff_ns * 2^n), "full jitter"
  TimeNs backoff_max_ns = 10 * kSecondNs;
};

inline constexpr std::uint32_t kBreakerFailuresMax = 16;
inline constexpr TimeNs kWindowsToForget = 10;

class Breaker {
 public:
  Breaker(const BreakerConfig& config, ports::Random& random);

  // The worker failed. Returns when it may be started again.
  TimeNs failed(TimeNs now_ns);
  // The worker has run long enough without failing, and answered. Recent failures still count within their window.
  void proved();
  // A breaker that was open when the device went down starts half-open: one failure opens it again.
  void restore(std::uint32_t times_opened);

  [[nodiscard]] BreakerState state(TimeNs now_ns) const;
  // Not closed: how often it has opened in a row. Closed: 0. What restore() wants back.
  [[nodiscard]] std::uint32_t times_opened() const { return opened_ ? times_opened_ : 0; }
  // It has failed and not proved itself since.
  [[nodiscard]] bool has_failed() const { return failures_in_row_ > 0 || opened_; }

 private:
  TimeNs open(TimeNs now_ns);

  BreakerConfig config_;
  ports::Random& random_;
  std::array<TimeNs, kBreakerFailuresMax> recent_{};  // a ring of failure times
  std::uint32_t recent_count_ = 0;
  std::uint32_t failures_in_row_ = 0;
  std::uint32_t times_opened_ = 0;  // in a row; forgotten after kWindowsToForget windows without opening
  bool opened_ = false;             // not closed
  TimeNs open_until_ns_ = 0;
};

}  // namespace lichen::ladder
