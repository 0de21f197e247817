// SPDX-License-Identifier: Apache-2.0
// Virtual time: a queue of events keyed (time_ns, sequence). Popping one moves the clock to its time; events of the
// same time come in the order in which they were pushed, so a run is a function of its seed alone.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.hpp"
#include "ports/clock.hpp"

namespace lichen::fakes {

struct Event {
  TimeNs time_ns = 0;
  std::uint64_t sequence = 0;
  std::uint32_t target = 0;  // whose event it is: a device, for example
  std::uint32_t kind = 0;    // the owner's enum
  std::uint64_t a = 0;
  std::uint64_t b = 0;
};

class EventQueue : public ports::Clock {
 public:
  // `time_ns` must not be in the past.
  void push(TimeNs time_ns, std::uint32_t target, std::uint32_t kind, std::uint64_t a = 0, std::uint64_t b = 0);
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  // The time of the next event; kNeverNs if there is none.
  [[nodiscard]] TimeNs next_ns() const { return heap_.empty() ? kNeverNs : heap_.front().time_ns; }
  // Removes the next event and sets the clock to its time.
  Event pop();

  [[nodiscard]] TimeNs now_ns() const override { return now_ns_; }
  [[nodiscard]] std::int64_t wall_s() const override { return wall_offset_s_ + now_ns_ / kSecondNs; }
  // Jumps the wall clock; nothing that decides may care.
  void set_wall_offset_s(std::int64_t offset_s) { wall_offset_s_ = offset_s; }

 private:
  [[nodiscard]] static bool before(const Event& a, const Event& b) {
    return a.time_ns != b.time_ns ? a.time_ns < b.time_ns : a.sequence < b.sequence;
  }

  std::vector<Event> heap_;  // 4-ary: shallower than a binary heap, and one cache line a step
  std::uint64_t sequence_ = 0;
  TimeNs now_ns_ = 0;
  std::int64_t wall_offset_s_ = 1'700'000'000;
};

}  // namespace lichen::fakes
