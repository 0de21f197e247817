// SPDX-License-Identifier: Apache-2.0
// The operating system's small change: an owned file descriptor, errno as an Error, and the system calls for which
// older C libraries have no wrapper (futex, pidfd_open, pidfd_send_signal, close_range), by number.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/units.hpp"

namespace lichen::posix {

// Owns a descriptor; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void reset(int fd = -1);
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// An Error from `error_number` (an errno value): kNotFound for ENOENT, kUnsupported for EPERM, EACCES and ENOSYS,
// kExhausted for lack of memory, space or descriptors, else kIo.
[[nodiscard]] std::unexpected<Error> fail_errno(int error_number, std::string what, std::string where = {});

// Sleeps while `word` holds `expected`, until woken. Works across processes. May return early for no reason.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected);
// The same until `until_ns` of the monotonic clock at the latest.
void futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected, TimeNs until_ns);
void futex_wake(const std::atomic<std::uint32_t>& word, int waiters_max);

[[nodiscard]] Fd pidfd_open(pid_t pid);                       // invalid with errno set on failure
[[nodiscard]] bool pidfd_send_signal(int pidfd, int signal);  // false with errno set on failure

// Closes every descriptor from `first` to `last`, both included.
void close_range(unsigned first, unsigned last);

// An eventfd counter, close-on-exec and non-blocking.
[[nodiscard]] Result<Fd> make_event_fd();
void signal_event(int event_fd);  // adds one; never blocks
bool drain_event(int event_fd);   // back to zero; true if it was not

// A thread that takes no signals (they belong to the main thread).
[[nodiscard]] Result<std::thread> start_thread(std::function<void()> body);

// This process's share of a busy CPU: -20 is the most, 0 usual, 19 the least. False without the permission to raise it.
bool set_niceness(int niceness);
[[nodiscard]] int niceness();

// The size of a page of memory.
[[nodiscard]] std::size_t page_bytes();

// CPUs that are online, at least 1.
[[nodiscard]] unsigned cpus_online();

}  // namespace lichen::posix
