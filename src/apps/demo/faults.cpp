// SPDX-License-Identifier: Apache-2.0
#include "faults.hpp"

#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <stop_token>
#include <utility>

#include <fmt/format.h>

#include "ladder_client.hpp"
#include "posix/clock.hpp"

namespace lichen::demo {
namespace {

constexpr TimeNs kStatusPatienceNs = 300 * kMillisecondNs;
constexpr TimeNs kFindPatienceNs = kSecondNs;  // for a worker to be there to be broken
constexpr TimeNs kLookAgainNs = 20 * kMillisecondNs;
constexpr TimeNs kDutyNs = 80 * kMillisecondNs;  // stopped, and then running, so long each
constexpr unsigned kBusyLoopsPerCpu = 2;
constexpr int kKillsMax = 12;

TimeNs now_ns() {
  return posix::MonotonicClock().now_ns();
}

}  // namespace

class Faults::Script {
 public:
  Script(Faults& faults, const Agent& agent, TimeNs start_ns, TimeNs span_ns, std::stop_token stop)
      : faults_(faults),
        agent_(agent),
        status_(agent.port()),
        start_ns_(start_ns),
        span_ns_(span_ns),
        stop_(std::move(stop)) {}

  // In hundredths of the whole span. Failures of one worker are further apart than its breaker's window, but for the
  // step that is about the breaker.
  void run() {
    if (wait_until(8)) send("primary", SIGKILL, "SIGKILL");
    if (wait_until(17)) send("primary", SIGSTOP, "SIGSTOP", ": it hangs");
    if (wait_until(27)) kill_both();
    if (wait_until(37)) starve(46);
    if (wait_until(49)) stutter(57);
    if (wait_until(61)) kill_until_breaker_opens();
    if (wait_until(77)) hang_both();
    if (wait_until(88)) kill_agent();
  }

 private:
  bool sleep_to(TimeNs until_ns) {
    std::unique_lock lock(mutex_);
    const TimeNs span_ns = until_ns - now_ns();
    if (span_ns > 0) never_.wait_for(lock, stop_, std::chrono::nanoseconds(span_ns), [] { return false; });
    return !stop_.stop_requested();
  }
  [[nodiscard]] TimeNs at(int hundredths) const { return start_ns_ + span_ns_ / 100 * hundredths; }
  bool wait_until(int hundredths) { return sleep_to(at(hundredths)); }

  void tell(std::string what, bool hits_agent = false) { faults_.add({now_ns(), std::move(what), hits_agent}); }

  // The worker's process, once there is one.
  int find(const char* rung) {
    for (const TimeNs end_ns = now_ns() + kFindPatienceNs; now_ns() < end_ns;) {
      const auto view = fetch_status(status_, kStatusPatienceNs);
      const RungView* found = view ? view->rung(rung) : nullptr;
      if (found != nullptr && found->pid > 0 && found->state == "ready") return found->pid;
      if (!sleep_to(now_ns() + kLookAgainNs)) break;
    }
    return 0;
  }

  void send(const char* rung, int signal, const char* name, const char* effect = "") {
    const int pid = find(rung);
    if (pid == 0) return tell(fmt::format("{} {}: no such process now", name, rung));
    tell(fmt::format("{} {} (pid {}){}", name, rung, pid, effect));
    ::kill(pid, signal);
  }

  void both(int signal, std::string what) {
    const int primary = find("primary");
    const int compact = find("compact");
    tell(fmt::format("{} (pids {} and {})", what, primary, compact));
    for (const int pid : {primary, compact}) {
      if (pid > 0) ::kill(pid, signal);
    }
  }
  void kill_both() { both(SIGKILL, "SIGKILL primary and compact at once"); }
  void hang_both() { both(SIGSTOP, "SIGSTOP primary and compact: both hang"); }

  void starve(int until) {
    const BusyLoops loops(kBusyLoopsPerCpu, agent_.nice() + kBusyNiceAbove);
    tell(fmt::format("{} busy loops on every CPU: starving for {:.1f} s", kBusyLoopsPerCpu,
                     static_cast<double>(at(until) - now_ns()) / 1e9));
    wait_until(until);
  }

  // Slow, not dead: the worker runs half of the time.
  void stutter(int until) {
    const int pid = find("primary");
    tell(fmt::format("SIGSTOP and SIGCONT primary (pid {}) in turn for {:.1f} s: half speed", pid,
                     static_cast<double>(at(until) - now_ns()) / 1e9));
    while (pid > 0 && now_ns() < at(until)) {
      ::kill(pid, SIGSTOP);
      sleep_to(now_ns() + kDutyNs);
      ::kill(pid, SIGCONT);
      if (!sleep_to(now_ns() + kDutyNs)) return;
    }
  }

  void kill_until_breaker_opens() {
    tell("SIGKILL primary again and again, until its breaker opens");
    int kills = 0;
    for (int last = 0; kills < kKillsMax && now_ns() < at(70); sleep_to(now_ns() + kLookAgainNs)) {
      const auto view = fetch_status(status_, kStatusPatienceNs);
      const RungView* primary = view ? view->rung("primary") : nullptr;
      if (stop_.stop_requested()) return;
      if (primary == nullptr) continue;
      if (kills > 0 && primary->breaker != "closed") break;
      if (primary->pid == 0 || primary->pid == last) continue;
      last = primary->pid;
      ::kill(last, SIGKILL);
      ++kills;
    }
    tell(fmt::format("the breaker of primary is open after {} kills: left alone for a while", kills));
  }

  void kill_agent() {
    const pid_t pid = agent_.lichend_pid();
    tell(fmt::format("SIGKILL lichend itself (pid {}), and its workers go with it", pid), true);
    if (pid > 0) ::kill(pid, SIGKILL);
  }

  Faults& faults_;
  const Agent& agent_;
  HttpClient status_;
  TimeNs start_ns_;
  TimeNs span_ns_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable_any never_;  // only a stop request wakes it
};

Faults::Faults(const Agent& agent, TimeNs start_ns, TimeNs span_ns)
    : thread_([this, &agent, start_ns, span_ns](std::stop_token stop) {
        Script(*this, agent, start_ns, span_ns, std::move(stop)).run();
      }) {}

Faults::~Faults() = default;

void Faults::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::vector<FaultEvent> Faults::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

void Faults::add(FaultEvent event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
}

}  // namespace lichen::demo
