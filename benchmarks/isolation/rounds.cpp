// SPDX-License-Identifier: Apache-2.0
#include "rounds.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

namespace lichen::bench {

namespace {

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "bench_isolation: {}\n", why);
  std::exit(1);
}

}  // namespace

Result<void> CopyBody::load(const posix::WorkerLoad&) {
  return {};
}

Result<void> CopyBody::run(ByteView input, std::span<std::byte> output) {
  std::copy_n(input.begin(), std::min(input.size(), output.size()), output.begin());
  return {};
}

Times::Times(std::vector<TimeNs> times) : times_(std::move(times)) {
  std::ranges::sort(times_);
}

TimeNs Times::at(int percent) const {
  const std::size_t index = times_.size() * static_cast<std::size_t>(percent) / 100;
  return times_.at(std::min(index, times_.size() - 1));
}

Rounds::Rounds(const std::string& worker_program, const posix::WorkerJobSpec& job) {
  posix::ProcessWorkersConfig config;
  config.worker_program = worker_program;
  config.rungs.push_back({0, 0, job});
  auto workers = posix::ProcessWorkers::create(std::move(config));
  if (!workers) give_up(workers.error().to_line());
  workers_ = std::move(*workers);
  start();
}

void Rounds::start() {
  ready_ = false;
  gone_ = false;
  worker_ = workers_->start(0, 0);
  while (!ready_) wait();
}

// As an event loop does it: look while the answer is near, then sleep.
void Rounds::wait() {
  for (TimeNs until_ns = workers_->spin_until_ns(); clock_.now_ns() < until_ns;) {
    for (int i = 0; i < 8; ++i) {
      if (workers_->poll_fast(*this)) return;
    }
  }
  if (workers_->prepare_to_wait()) {
    pollfd source{workers_->event_fd(), POLLIN, 0};
    ::poll(&source, 1, 1000);
  }
  workers_->poll(*this);
}

std::vector<TimeNs> Rounds::through_worker(ByteView input, std::size_t count, TimeNs gap_ns) {
  std::vector<TimeNs> times;
  for (std::size_t i = 0; i < count; ++i) {
    if (gap_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(gap_ns));
    answered_ = false;
    const TimeNs began_ns = clock_.now_ns();
    workers_->submit(worker_, ++job_, input);
    while (!answered_) wait();
    times.push_back(clock_.now_ns() - began_ns);
  }
  return times;
}

std::vector<TimeNs> Rounds::kills(std::size_t count) {
  std::vector<TimeNs> times;
  may_die_ = true;
  for (std::size_t i = 0; i < count; ++i) {
    const pid_t pid = workers_->pid_of(worker_);
    const TimeNs began_ns = clock_.now_ns();
    ::kill(pid, SIGKILL);
    while (!gone_) wait();
    times.push_back(clock_.now_ns() - began_ns);
    start();
  }
  may_die_ = false;
  return times;
}

void Rounds::worker_ready(const ports::WorkerReady&) {
  ready_ = true;
}

void Rounds::worker_answered(const ports::WorkerAnswered& event) {
  if (!event.ok || event.job != job_) give_up("a wrong answer");
  answered_ = true;
}

void Rounds::worker_gone(const ports::WorkerGone& event) {
  if (!may_die_) give_up("the worker died: " + event.detail);
  gone_ = true;
}

std::vector<TimeNs> in_process(ByteView input, std::size_t output_bytes, std::size_t count) {
  CopyBody body;
  Bytes mine(input.size());
  Bytes output(output_bytes);
  const posix::MonotonicClock clock;
  std::vector<TimeNs> times;
  for (std::size_t i = 0; i < count; ++i) {
    const TimeNs began_ns = clock.now_ns();
    // The agent owns no memory that it may lend to a model, so in process too the input is copied once.
    std::ranges::copy(input, mine.begin());
    static_cast<void>(body.run(mine, output));
    times.push_back(clock.now_ns() - began_ns);
  }
  return times;
}

}  // namespace lichen::bench
