// SPDX-License-Identifier: Apache-2.0
#include "kernels/threads.hpp"

#include <array>
#include <limits>
#include <thread>

#include "base/assert.hpp"

namespace lichen::kernels {
namespace {

// Tens of microseconds: longer than what lies between two regions of a net, short enough to leave the CPU to others.
constexpr int kSpins = 1500;
constexpr Threads::Index kPartsPerThread = 4;  // so that a late or slow thread leaves little behind

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// A ticket is [generation : 32][end : 16][next : 16] in one word: which parts of a thread's stretch nobody has taken.
// Taking a part of an old job is impossible.
constexpr std::uint64_t ticket_of(std::uint32_t generation, Threads::Index begin, Threads::Index end) {
  return std::uint64_t{generation} << 32 | static_cast<std::uint64_t>(end) << 16 | static_cast<std::uint64_t>(begin);
}
constexpr std::uint64_t end_of(std::uint64_t ticket) {
  return ticket >> 16 & 0xFFFF;
}
constexpr std::uint64_t next_of(std::uint64_t ticket) {
  return ticket & 0xFFFF;
}

// Waits until `word` is no longer `old`.
void wait_while(const std::atomic<std::uint32_t>& word, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    relax();
  }
  word.wait(old, std::memory_order_acquire);
}

}  // namespace

struct Threads::Shared {
  struct alignas(64) Ticket {
    std::atomic<std::uint64_t> word{0};
  };
  std::array<Ticket, kThreadsMax> tickets;  // of each thread's stretch
  alignas(64) std::atomic<std::uint32_t> generation{0};  // changes with each job: what workers wait for
  alignas(64) std::atomic<std::uint32_t> left{0};        // parts that are not done: what the caller waits for
  alignas(64) Job job;  // written before the tickets are published, read by those who hold one of its parts
  std::atomic<bool> stop{false};
  std::array<std::thread, kThreadsMax> workers;
};

Threads::Threads(int count) : count_(count), shared_(std::make_unique<Shared>()) {
  LICHEN_ASSERT(count >= 1 && count <= kThreadsMax);
  for (int i = 1; i < count; ++i)
    shared_->workers[static_cast<std::size_t>(i)] = std::thread([shared = shared_.get(), i, count] { work(*shared, i, count); });
}

Threads::~Threads() {
  shared_->stop.store(true, std::memory_order_relaxed);
  shared_->generation.fetch_add(1, std::memory_order_release);
  shared_->generation.notify_all();
  for (std::thread& worker : shared_->workers) {
    if (worker.joinable()) worker.join();
  }
}

bool Threads::run_one_part(Shared& shared, int owner) {
  std::atomic<std::uint64_t>& ticket = shared.tickets[static_cast<std::size_t>(owner)].word;
  // A look first: when nothing is left, no cache line is taken away from those who work.
  const std::uint64_t seen = ticket.load(std::memory_order_acquire);
  if (next_of(seen) >= end_of(seen)) return false;
  const std::uint64_t taken = ticket.fetch_add(1, std::memory_order_acq_rel);
  if (next_of(taken) >= end_of(taken)) return false;
  const Job& job = shared.job;
  const Index begin = static_cast<Index>(next_of(taken)) * job.step;
  const Index end = begin + job.step < job.count ? begin + job.step : job.count;
  job.call(job.context, begin, end);
  if (shared.left.fetch_sub(1, std::memory_order_acq_rel) == 1) shared.left.notify_one();
  return true;
}

// Its own stretch first, then the others', the next one's first.
void Threads::run_parts(Shared& shared, int self, int count) {
  for (int i = 0; i < count; ++i) {
    while (run_one_part(shared, (self + i) % count)) {
    }
  }
}

void Threads::work(Shared& shared, int self, int count) {
  std::uint32_t seen = 0;
  for (;;) {
    wait_while(shared.generation, seen);
    seen = shared.generation.load(std::memory_order_acquire);
    if (shared.stop.load(std::memory_order_relaxed)) return;
    run_parts(shared, self, count);
  }
}

void Threads::run(Job job) {
  const Index grains = (job.count + job.grain - 1) / job.grain;
  const Index parts_wanted = grains < count_ * kPartsPerThread ? grains : count_ * kPartsPerThread;
  const Index grains_a_part = (grains + parts_wanted - 1) / parts_wanted;
  job.step = grains_a_part * job.grain;
  const Index parts = (grains + grains_a_part - 1) / grains_a_part;
  Shared& shared = *shared_;
  shared.job = job;
  shared.left.store(static_cast<std::uint32_t>(parts), std::memory_order_relaxed);
  const std::uint32_t generation = shared.generation.load(std::memory_order_relaxed) + 1;
  for (Index i = 0; i < count_; ++i) {
    shared.tickets[static_cast<std::size_t>(i)].word.store(
        ticket_of(generation, parts * i / count_, parts * (i + 1) / count_), std::memory_order_release);
  }
  shared.generation.store(generation, std::memory_order_release);
  shared.generation.notify_all();
  run_parts(shared, 0, count_);
  for (std::uint32_t left = shared.left.load(std::memory_order_acquire); left != 0;
       left = shared.left.load(std::memory_order_acquire))
    wait_while(shared.left, left);
}

}  // namespace lichen::kernels
