// SPDX-License-Identifier: Apache-2.0
#include "sim_pool.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "posix/clock.hpp"

namespace lichen::tool {
namespace {

constexpr int kTickMs = 200;

struct Child {
  pid_t pid = -1;
  int items = -1;    // to it
  int results = -1;  // from it
  int errors = -1;   // its stderr
  std::optional<std::uint64_t> item;
  TimeNs since_ns = 0;
  std::string received;
};

bool write_all(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t wrote = ::write(fd, at, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    at += wrote;
    size -= static_cast<std::size_t>(wrote);
  }
  return true;
}

bool read_all(int fd, void* data, std::size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// The child's whole life: an item in, its result out (length first), until nobody asks any more.
[[noreturn]] void serve(int items, int results, const std::function<std::string(std::uint64_t)>& work) {
  std::uint64_t item = 0;
  while (read_all(items, &item, sizeof item)) {
    const std::string result = work(item);
    const std::uint64_t size = result.size();
    if (!write_all(results, &size, sizeof size) || !write_all(results, result.data(), result.size())) break;
  }
  ::_exit(0);
}

void close_all(Child& child) {
  for (int* fd : {&child.items, &child.results, &child.errors}) {
    if (*fd >= 0) ::close(*fd);
    *fd = -1;
  }
}

bool start(Child& child, const std::vector<Child>& others, const std::function<std::string(std::uint64_t)>& work) {
  int items[2];
  int results[2];
  int errors[2];
  if (::pipe2(items, O_CLOEXEC) != 0 || ::pipe2(results, O_CLOEXEC) != 0 || ::pipe2(errors, O_CLOEXEC) != 0)
    return false;
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const Child& other : others) {
      if (other.items >= 0) ::close(other.items);
    }
    ::close(items[1]);
    ::close(results[0]);
    ::dup2(errors[1], STDERR_FILENO);
    serve(items[0], results[1], work);
  }
  ::close(items[0]);
  ::close(results[1]);
  ::close(errors[1]);
  ::fcntl(errors[0], F_SETFL, O_NONBLOCK);
  child = Child{.pid = pid, .items = items[1], .results = results[0], .errors = errors[0], .item = {}, .received = {}};
  return true;
}

std::string last_line(int fd) {
  char text[4096];
  const ssize_t got = ::read(fd, text, sizeof text);
  std::string all(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!all.empty() && all.back() == '\n') all.pop_back();
  const std::size_t at = all.rfind('\n');
  return at == std::string::npos ? all : all.substr(at + 1);
}

std::string bury(Child& child) {
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  const std::string words = last_line(child.errors);
  std::string death = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                          : fmt::format("exit code {}", WEXITSTATUS(status));
  if (!words.empty()) death += ": " + words;
  close_all(child);
  child.pid = -1;
  return death;
}

// What came in: one whole result, or nothing yet. False: the child is gone.
bool receive(Child& child, std::optional<std::string>& result) {
  char bytes[65536];
  const ssize_t got = ::read(child.results, bytes, sizeof bytes);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  child.received.append(bytes, static_cast<std::size_t>(got));
  std::uint64_t size = 0;
  if (child.received.size() < sizeof size) return true;
  std::memcpy(&size, child.received.data(), sizeof size);
  if (child.received.size() < sizeof size + size) return true;
  result = child.received.substr(sizeof size);
  child.received.clear();
  return true;
}

bool give(Child& child, std::uint64_t item, TimeNs now_ns) {
  child.item = item;
  child.since_ns = now_ns;
  return write_all(child.items, &item, sizeof item);
}

}  // namespace

unsigned cores() {
  const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : static_cast<unsigned>(count);
}

void run_apart(const Pool& pool, const std::function<std::optional<std::uint64_t>()>& next,
               const std::function<std::string(std::uint64_t)>& work, const std::function<bool(const Ended&)>& done,
               const std::function<void()>& tick) {
  ::signal(SIGPIPE, SIG_IGN);
  const posix::MonotonicClock clock;
  std::vector<Child> children(pool.jobs);
  bool more = true;
  bool stopped = false;
  const auto feed = [&](Child& child) {
    child.item.reset();
    const auto item = more && !stopped ? next() : std::nullopt;
    if (!item) {
      more = false;
      return;
    }
    if (child.pid < 0 && !start(child, children, work)) {
      stopped = !done({*item, {}, "no process could be started for it"});
      return;
    }
    give(child, *item, clock.now_ns());
  };
  for (Child& child : children) feed(child);
  while (!stopped && std::ranges::any_of(children, [](const Child& c) { return c.item.has_value(); })) {
    std::vector<pollfd> polled;
    for (const Child& child : children) polled.push_back({child.item ? child.results : -1, POLLIN, 0});
    ::poll(polled.data(), polled.size(), kTickMs);
    if (tick) tick();
    for (std::size_t i = 0; i < children.size() && !stopped; ++i) {
      Child& child = children[i];
      if (!child.item) continue;
      const std::uint64_t item = *child.item;
      std::optional<std::string> result;
      bool alive = true;
      if (polled[i].revents != 0) alive = receive(child, result);
      const bool too_long = alive && !result && clock.now_ns() - child.since_ns > pool.limit_ns;
      if (too_long) ::kill(child.pid, SIGKILL);
      if (alive && !too_long && !result) continue;
      Ended ended{item, result.value_or(""), {}};
      if (!result) ended.death = bury(child) + (too_long ? " (it took too long)" : "");
      stopped = !done(ended);
      if (!stopped) feed(child);
    }
  }
  for (Child& child : children) {
    if (child.pid < 0) continue;
    ::kill(child.pid, SIGKILL);
    bury(child);
  }
}

}  // namespace lichen::tool
