// SPDX-License-Identifier: Apache-2.0
#include "posix/os.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace lichen::posix {

namespace {

Code code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Code::kNotFound;
    case EPERM:
    case EACCES:
    case ENOSYS:
      return Code::kUnsupported;
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
      return Code::kExhausted;
    default:
      return Code::kIo;
  }
}

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

std::unexpected<Error> fail_errno(int error_number, std::string what, std::string where) {
  return fail(code_of(error_number), std::move(what), std::move(where), std::generic_category().message(error_number));
}

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr, nullptr, 0);
}

void futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected, TimeNs until_ns) {
  if (until_ns == kNeverNs) return futex_wait(word, expected);
  const timespec until{static_cast<time_t>(until_ns / kSecondNs), static_cast<long>(until_ns % kSecondNs)};
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, &until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake(const std::atomic<std::uint32_t>& word, int waiters_max) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, waiters_max, nullptr, nullptr, 0);
}

Fd pidfd_open(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
}

bool pidfd_send_signal(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U) == 0;
}

void close_range(unsigned first, unsigned last) {
  if (first > last || ::syscall(SYS_close_range, first, last, 0U) == 0) return;
  // Before Linux 5.9: one by one, as far as descriptors can reach.
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto end = static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, last));
  for (unsigned fd = first; fd <= end; ++fd) ::close(static_cast<int>(fd));
}

Result<Fd> make_event_fd() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid()) return fail_errno(errno, "cannot make an event descriptor");
  return fd;
}

void signal_event(int event_fd) {
  // The only failure left is a full counter, and then the reader is awake anyway.
  const std::uint64_t one = 1;
  while (::write(event_fd, &one, sizeof one) < 0 && errno == EINTR) continue;
}

bool drain_event(int event_fd) {
  std::uint64_t count = 0;
  ssize_t got = 0;
  do {
    got = ::read(event_fd, &count, sizeof count);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof count);
}

Result<std::thread> start_thread(std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<std::thread> thread;
  try {
    thread = std::thread(std::move(body));
  } catch (const std::system_error& error) {
    thread = fail(Code::kExhausted, "cannot start a thread", {}, error.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

bool set_niceness(int niceness) {
  return ::setpriority(PRIO_PROCESS, 0, niceness) == 0;
}

int niceness() {
  return ::getpriority(PRIO_PROCESS, 0);
}

std::size_t page_bytes() {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

unsigned cpus_online() {
  return static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace lichen::posix
