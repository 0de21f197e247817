// SPDX-License-Identifier: Apache-2.0
#include "posix/death_watch.hpp"

#include <linux/futex.h>

#include "posix/os.hpp"

namespace lichen::posix {

DeathWatch::DeathWatch(std::atomic<std::uint32_t>& life, pid_t worker, std::atomic<std::uint32_t>& deaths, int event_fd)
    : life_(life), owner_(static_cast<std::uint32_t>(worker) | FUTEX_WAITERS), deaths_(deaths), event_fd_(event_fd) {}

Result<std::unique_ptr<DeathWatch>> DeathWatch::start(std::atomic<std::uint32_t>& life, pid_t worker,
                                                      std::atomic<std::uint32_t>& deaths, int event_fd) {
  std::unique_ptr<DeathWatch> watch(new DeathWatch(life, worker, deaths, event_fd));
  watch->thread_ = LICHEN_TRY(start_thread([self = watch.get()] { self->watch(); }));
  return watch;
}

DeathWatch::~DeathWatch() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  // The word must change, or the thread could go to sleep just after it looked at stopping_.
  life_.store(FUTEX_OWNER_DIED, std::memory_order_release);
  futex_wake(life_, 1);
  thread_.join();
}

void DeathWatch::watch() {
  bool registered = false;
  while (true) {
    const std::uint32_t seen = life_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_acquire)) return;
    registered |= seen == owner_;
    if (seen != owner_ && (registered || seen != 0)) break;
    futex_wait(life_, seen);
  }
  fired_.store(true, std::memory_order_release);
  deaths_.fetch_add(1, std::memory_order_release);
  signal_event(event_fd_);
}

}  // namespace lichen::posix
