// SPDX-License-Identifier: Apache-2.0
#include "fakes/event_queue.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace lichen::fakes {
namespace {

constexpr std::size_t kArity = 4;

}  // namespace

void EventQueue::push(TimeNs time_ns, std::uint32_t target, std::uint32_t kind, std::uint64_t a, std::uint64_t b) {
  LICHEN_ASSERT(time_ns >= now_ns_);
  const Event event{time_ns, ++sequence_, target, kind, a, b};
  std::size_t at = heap_.size();
  heap_.push_back(event);
  while (at > 0) {
    const std::size_t parent = (at - 1) / kArity;
    if (!before(event, heap_[parent])) break;
    heap_[at] = heap_[parent];
    at = parent;
  }
  heap_[at] = event;
}

Event EventQueue::pop() {
  LICHEN_ASSERT(!heap_.empty());
  const Event top = heap_.front();
  const Event last = heap_.back();
  heap_.pop_back();
  std::size_t at = 0;
  while (!heap_.empty()) {
    const std::size_t first = at * kArity + 1;
    if (first >= heap_.size()) break;
    std::size_t best = first;
    const std::size_t end = std::min(first + kArity, heap_.size());
    for (std::size_t child = first + 1; child < end; ++child) {
      if (before(heap_[child], heap_[best])) best = child;
    }
    if (!before(heap_[best], last)) break;
    heap_[at] = heap_[best];
    at = best;
  }
  if (!heap_.empty()) heap_[at] = last;
  LICHEN_ASSERT(top.time_ns >= now_ns_);
  now_ns_ = top.time_ns;
  return top;
}

}  // namespace lichen::fakes
