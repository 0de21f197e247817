// SPDX-License-Identifier: Apache-2.0
// A thread that sleeps on a worker's life word and learns of its death before the kernel has freed its memory: the
// kernel walks a dying thread's robust futex list first and signals a pidfd last (tens of microseconds against up to
// tens of milliseconds for a large worker). The kernel offers no descriptor for a futex, hence a thread for each
// worker.
//
// It is a fast path only. A hostile worker can forge or forget the word; the pidfd is the truth.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "base/error.hpp"

namespace lichen::posix {

class DeathWatch {
 public:
  // Watches `life`, which is 0 until the worker with this pid registers. When it fires, it adds one to `deaths` and to
  // `event_fd`. All three outlive the watch.
  static Result<std::unique_ptr<DeathWatch>> start(std::atomic<std::uint32_t>& life, pid_t worker,
                                                   std::atomic<std::uint32_t>& deaths, int event_fd);
  // The worker is dead by now, or about to be killed; nothing is waited for but the thread.
  ~DeathWatch();

  // The word says that the worker died, or it holds what no honest worker stores.
  [[nodiscard]] bool fired() const { return fired_.load(std::memory_order_acquire); }

 private:
  DeathWatch(std::atomic<std::uint32_t>& life, pid_t worker, std::atomic<std::uint32_t>& deaths, int event_fd);
  void watch();

  std::atomic<std::uint32_t>& life_;
  std::uint32_t owner_;  // what a living worker's word holds
  std::atomic<std::uint32_t>& deaths_;
  int event_fd_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> fired_ = false;
  std::thread thread_;
};

}  // namespace lichen::posix
