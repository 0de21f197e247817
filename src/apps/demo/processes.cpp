// SPDX-License-Identifier: Apache-2.0
#include "processes.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "posix/clock.hpp"
#include "posix/files.hpp"
#include "posix/os.hpp"

namespace lichen::demo {
namespace {

constexpr TimeNs kBindPatienceNs = 5 * kSecondNs;
constexpr TimeNs kStopPatienceNs = 5 * kSecondNs;
constexpr TimeNs kPollNs = 5 * kMillisecondNs;
constexpr std::size_t kSayingBytesMax = 64 << 10;
constexpr int kExitCannotRun = 126;

TimeNs now_ns() {
  return posix::MonotonicClock().now_ns();
}

void nap() {
  std::this_thread::sleep_for(std::chrono::nanoseconds(kPollNs));
}

// In a child before anything else: it dies with the thread that forked it, and keys pressed at the terminal are not
// for it.
void become_child(pid_t parent, int death_signal) {
  ::prctl(PR_SET_PDEATHSIG, death_signal);
  if (::getppid() != parent) ::_exit(kExitCannotRun);
  ::setpgid(0, 0);
}

void send_output_to(const std::string& path, int fd) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || ::dup2(file, fd) < 0) ::_exit(kExitCannotRun);
}

[[noreturn]] void become_program(const std::vector<std::string>& command) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));  // execv wants it so
  words.push_back(nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::execv(words[0], words.data());
  ::_exit(kExitCannotRun);
}

// "listening on 127.0.0.1:8080" -> 8080.
std::optional<std::uint16_t> port_in(std::string_view saying) {
  constexpr std::string_view kStart = "listening on 127.0.0.1:";
  const std::size_t at = saying.find(kStart);
  if (at == std::string_view::npos || saying.find('\n', at) == std::string_view::npos) return std::nullopt;
  saying.remove_prefix(at + kStart.size());
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(saying.data(), saying.data() + saying.size(), port);
  return error == std::errc() && port > 0 ? std::optional(port) : std::nullopt;
}

std::string last_line_of(const std::string& path) {
  const auto said = posix::read_file(path, kSayingBytesMax);
  std::string text = said ? std::string(text_of(*said)) : "";
  while (text.ends_with('\n')) text.pop_back();
  if (text.empty()) return "it says nothing";
  return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
}

// The parent, from /proc/PID/stat: "PID (NAME) STATE PPID ...", where NAME may hold anything.
std::optional<pid_t> parent_of(const std::filesystem::path& process) {
  std::ifstream file(process / "stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t close = text.rfind(')');
  if (close == std::string::npos || close + 4 >= text.size()) return std::nullopt;
  pid_t parent = 0;
  const auto [end, error] = std::from_chars(text.data() + close + 4, text.data() + text.size(), parent);
  return error == std::errc() ? std::optional(parent) : std::nullopt;
}

}  // namespace

void adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    pid_t pid = 0;
    const auto [last, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc() || last != name.data() + name.size()) continue;
    if (parent_of(at->path()) == parent) children.push_back(pid);
  }
  return children;
}

void kill_all_children() {
  // Each round may orphan grandchildren, which then are children.
  for (std::vector<pid_t> left = children_of(::getpid()); !left.empty(); left = children_of(::getpid())) {
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0) continue;
  }
}

Result<Agent> Agent::start(const std::string& config, const std::string& folder, std::uint16_t port) {
  const std::vector<std::string> command = {posix::sibling_program("lichen-holder"),
                                            "--listen",
                                            fmt::format("127.0.0.1:{}", port),
                                            "--",
                                            posix::sibling_program("lichend"),
                                            "--config",
                                            config};
  for (const std::string& program : {command[0], command[4]}) {
    if (::access(program.c_str(), X_OK) != 0)
      return fail(Code::kNotFound, "cannot start", program, "not there", "build the target 'programs'");
  }
  const std::string saying = folder + "/holder.out";
  const std::string log = folder + "/lichend.log";
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return posix::fail_errno(errno, "cannot start", command[0]);
  if (pid == 0) {
    become_child(parent, SIGTERM);
    ::setpriority(PRIO_PROCESS, 0, kAgentNice);
    send_output_to(saying, STDOUT_FILENO);
    send_output_to(log, STDERR_FILENO);
    become_program(command);
  }
  Agent agent(pid);
  for (const TimeNs end_ns = now_ns() + kBindPatienceNs; now_ns() < end_ns && !agent.ended(); nap()) {
    const auto said = posix::read_file(saying, kSayingBytesMax);
    const auto bound = said ? port_in(text_of(*said)) : std::nullopt;
    if (!bound) continue;
    agent.port_ = *bound;
    return agent;
  }
  return fail(Code::kUnavailable, "cannot start", command[0], last_line_of(log));
}

Agent::Agent(Agent&& other) noexcept : holder_(std::exchange(other.holder_, 0)), port_(other.port_) {}

Agent::~Agent() {
  stop();
}

// Without reaping it: stop() does.
bool Agent::ended() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(holder_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == holder_;
}

pid_t Agent::lichend_pid() const {
  const std::vector<pid_t> children = children_of(holder_);
  return children.empty() ? 0 : children.front();
}

int Agent::nice() const {
  return ::getpriority(PRIO_PROCESS, static_cast<id_t>(holder_));
}

void Agent::stop() {
  if (holder_ == 0) return;
  ::kill(holder_, SIGTERM);
  for (const TimeNs end_ns = now_ns() + kStopPatienceNs; now_ns() < end_ns && !ended();) nap();
  if (!ended()) ::kill(holder_, SIGKILL);
  while (::waitpid(holder_, nullptr, 0) < 0 && errno == EINTR) continue;
  holder_ = 0;
}

BusyLoops::BusyLoops(unsigned per_cpu, int nice) {
  const pid_t parent = ::getpid();
  for (unsigned i = 0; i < per_cpu * posix::cpus_online(); ++i) {
    const pid_t pid = ::fork();
    if (pid > 0) pids_.push_back(pid);
    if (pid != 0) continue;
    become_child(parent, SIGKILL);
    ::setpriority(PRIO_PROCESS, 0, nice);
    for (std::atomic<std::uint64_t> count = 0;;) count.fetch_add(1, std::memory_order_relaxed);
  }
}

BusyLoops::~BusyLoops() {
  for (const pid_t pid : pids_) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  }
}

}  // namespace lichen::demo
