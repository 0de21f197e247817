// SPDX-License-Identifier: Apache-2.0
// What happened to every request, and what those records say about a span of time. Written by the clients' threads.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/units.hpp"

namespace lichen::demo {

inline constexpr std::size_t kRungs = 3;
inline constexpr std::array<const char*, kRungs> kRungNames = {"primary", "compact", "reflex"};
inline constexpr std::size_t kBest = 0;

// Beyond its deadline by more than this, as the client's own clock sees it, an answer is late: so long may a client
// itself wait for its turn on a CPU that is starved on purpose (several busy loops, a few milliseconds each).
inline constexpr TimeNs kClientWakeNs = 25 * kMillisecondNs;

enum class Outcome : std::uint8_t {
  kAnswered,
  kRefused,  // an explicit error: 429, 503 or 504
  kLost,     // no reply at all, however often asked
};

struct Record {
  TimeNs sent_ns = 0;
  TimeNs done_ns = 0;
  Outcome outcome = Outcome::kLost;
  std::size_t rung = 0;  // answered: which
  bool correct = false;
  bool late = false;
  int retries = 0;     // connections that broke with this request on them
  std::string reason;  // of the rung or the refusal
  [[nodiscard]] TimeNs latency_ns() const { return done_ns - sent_ns; }
};

struct Tally {
  std::size_t requests = 0;
  std::size_t answered = 0;
  std::size_t refused = 0;
  std::size_t late = 0;
  std::size_t lost = 0;
  std::size_t retried = 0;
  std::size_t correct = 0;
  std::array<std::size_t, kRungs> by_rung{};
  std::array<std::size_t, kRungs> correct_by_rung{};
  TimeNs longest_ns = 0;          // latency on an unbroken connection
  TimeNs longest_retried_ns = 0;  // from the first attempt to the answer, where a connection broke
};

[[nodiscard]] Tally tally_of(const std::vector<Record>& records);

class Scoreboard {
 public:
  void add(Record record);
  // Those that ended in [from, to), in order of done_ns.
  [[nodiscard]] std::vector<Record> between(TimeNs from_ns, TimeNs to_ns) const;
  // Share of right answers since the start; 0 without any.
  [[nodiscard]] double accuracy() const;
  [[nodiscard]] std::size_t answered() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Record> records_;  // nearly in order: threads add when their request ended
  std::size_t answered_ = 0;
  std::size_t correct_ = 0;
};

}  // namespace lichen::demo
