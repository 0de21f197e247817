// SPDX-License-Identifier: Apache-2.0
#include "holder.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "posix/clock.hpp"
#include "posix/listen_fds.hpp"
#include "posix/worker_job.hpp"

namespace lichen::holder {

namespace {

constexpr int kExitUsage = 2;
constexpr int kExitCannotRun = 126;
constexpr int kExitNotFound = 127;

TimeNs now_ns() {
  return posix::MonotonicClock().now_ns();
}

sigset_t watched_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

void say(const std::string& line) {
  fmt::print(stderr, "lichen-holder: {}\n", line);
}

}  // namespace

int Holder::run() {
  const sigset_t watched = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  while (true) {
    if (const Result<void> started = start(); !started) {
      say(started.error().to_line());
      return 1;
    }
    while (!ended()) {
      if (wait(kNeverNs) == Wake::kStop) return stop();
    }
    say(fmt::format("{}: {}", command_[0], posix::text_of_wait_status(status_)));
    if (is_final()) return exit_code();
    const TimeNs until_ns = now_ns() + backoff_ns();
    for (TimeNs left_ns = until_ns - now_ns(); left_ns > 0; left_ns = until_ns - now_ns()) {
      if (wait(left_ns) == Wake::kStop) return 0;
    }
  }
}

Result<void> Holder::start() {
  started_ns_ = now_ns();
  const pid_t holder = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) return posix::fail_errno(errno, "cannot start", command_[0]);
  if (pid_ == 0) become_command(holder);
  return {};
}

void Holder::become_command(pid_t holder) {
  // A command that outlived its holder would keep the ports from the next one.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != holder) ::_exit(kExitCannotRun);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const auto count = static_cast<int>(listeners_.size());
  // First out of the way, then into place: the numbers may overlap.
  std::vector<int> sources;
  sources.reserve(listeners_.size());
  for (const Listener& listener : listeners_) {
    sources.push_back(::fcntl(listener.fd.get(), F_DUPFD_CLOEXEC, posix::kListenFdFirst + count));
  }
  for (int i = 0; i < count; ++i) ::dup2(sources[static_cast<std::size_t>(i)], posix::kListenFdFirst + i);
  std::string names;
  for (const Listener& listener : listeners_) names += (names.empty() ? "" : ":") + listener.name;
  // NOLINTBEGIN(concurrency-mt-unsafe): this process has one thread.
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", std::to_string(count).c_str(), 1);
  ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
  // NOLINTEND(concurrency-mt-unsafe)
  std::vector<char*> words;
  words.reserve(command_.size() + 1);
  for (std::string& word : command_) words.push_back(word.data());
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  const int error_number = errno;
  say(posix::fail_errno(error_number, "cannot run", command_[0]).error().to_line());
  ::_exit(error_number == ENOENT ? kExitNotFound : kExitCannotRun);
}

Holder::Wake Holder::wait(TimeNs patience_ns) {
  const sigset_t watched = watched_signals();
  siginfo_t info{};
  const timespec patience{patience_ns / kSecondNs, patience_ns % kSecondNs};
  const int signal =
      patience_ns == kNeverNs ? ::sigwaitinfo(&watched, &info) : ::sigtimedwait(&watched, &info, &patience);
  if (signal == SIGCHLD) return Wake::kChild;
  if (signal < 0) return Wake::kTimeout;
  if (signal == SIGHUP) {
    if (pid_ > 0) ::kill(pid_, SIGHUP);  // "read your configuration again" is for the command
    return Wake::kTimeout;
  }
  signal_ = signal;
  return Wake::kStop;
}

bool Holder::ended() {
  if (::waitpid(pid_, &status_, WNOHANG) != pid_) return false;
  pid_ = 0;
  return true;
}

bool Holder::is_final() const {
  if (!WIFEXITED(status_) || now_ns() - started_ns_ >= kSteadyNs) return false;
  const int code = WEXITSTATUS(status_);
  return code == kExitUsage || code == kExitCannotRun || code == kExitNotFound;
}

TimeNs Holder::backoff_ns() {
  quick_ends_ = now_ns() - started_ns_ >= kSteadyNs ? 0 : quick_ends_ + 1;
  const int waits = quick_ends_ - kQuickRestartsMax;
  if (waits <= 0) return 0;
  return std::min(kBackoffNsMin << std::min(waits - 1, 10), kBackoffNsMax);
}

int Holder::stop() {
  ::kill(pid_, signal_);
  const TimeNs end_ns = now_ns() + kStopPatienceNs;
  while (!ended()) {
    const TimeNs left_ns = end_ns - now_ns();
    if (left_ns <= 0) {
      say(fmt::format("{} does not stop: killed", command_[0]));
      ::kill(pid_, SIGKILL);
      while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
      break;
    }
    wait(left_ns);
  }
  // The command ended because we were asked to end: that is a success, whatever signal it took.
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 0;
}

int Holder::exit_code() const {
  const int code = WEXITSTATUS(status_);
  return code == kExitUsage ? kExitUsage : 1;
}

}  // namespace lichen::holder
