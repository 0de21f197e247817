// SPDX-License-Identifier: Apache-2.0
// Runs ProcessWorkers with the test worker and records its events. Waiting is by events with a generous limit: a slow
// machine makes these tests slow, never red.
#pragma once

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "behaviours.hpp"
#include "posix/process_workers.hpp"
#include "posix/sandbox.hpp"

namespace lichen::posix {

inline constexpr TimeNs kPatienceNs = 60 * kSecondNs;
inline constexpr std::size_t kTestBytes = 3072;

inline WorkerJobSpec job_named(std::string_view name) {
  WorkerJobSpec job;
  job.inputs = {{std::string(name), tensor::DType::kU8, tensor::Shape{static_cast<std::int64_t>(kTestBytes)}}};
  job.outputs = {{"out", tensor::DType::kU8, tensor::Shape{static_cast<std::int64_t>(kTestBytes)}}};
  // Where the sandbox cannot be had (sanitizers), the tests of everything else go on without it.
  if (!sandbox_available()) job.sandbox = SandboxMode::kOff;
  return job;
}

struct Answered {
  ports::JobId job = 0;
  bool ok = false;
  Bytes output;
};

class Recorder final : public ports::WorkerEvents {
 public:
  void worker_ready(const ports::WorkerReady& event) override {
    EXPECT_FALSE(is_gone(event.worker));
    ready.push_back(event.worker);
  }
  void worker_answered(const ports::WorkerAnswered& event) override {
    EXPECT_FALSE(is_gone(event.worker));
    answered.push_back({event.job, event.ok, Bytes(event.output.begin(), event.output.end())});
  }
  void worker_gone(const ports::WorkerGone& event) override {
    EXPECT_FALSE(is_gone(event.worker)) << "told twice";
    gone.push_back(event);
  }

  [[nodiscard]] bool is_ready(ports::WorkerId worker) const { return std::ranges::count(ready, worker) == 1; }
  [[nodiscard]] bool is_gone(ports::WorkerId worker) const {
    return std::ranges::any_of(gone, [&](const auto& event) { return event.worker == worker; });
  }

  std::vector<ports::WorkerId> ready;
  std::vector<Answered> answered;
  std::vector<ports::WorkerGone> gone;
};

class WorkersTest : public ::testing::Test {
 protected:
  void open(std::vector<WorkerJobSpec> jobs) {
    ProcessWorkersConfig config;
    config.measure_period_ns = measure_period_ns;
    config.worker_program = TEST_WORKER;
    for (std::uint32_t i = 0; i < jobs.size(); ++i) config.rungs.push_back({0, i, jobs[i]});
    config.log = [this](std::string_view line) { log.emplace_back(line); };
    auto made = ProcessWorkers::create(std::move(config));
    ASSERT_TRUE(made) << made.error().to_line();
    workers = std::move(*made);
  }

  // Delivers events until `done`; false if that does not happen.
  bool wait_until(const std::function<bool()>& done, TimeNs patience_ns = kPatienceNs) {
    const MonotonicClock clock;
    const TimeNs end_ns = clock.now_ns() + patience_ns;
    while (!done()) {
      if (clock.now_ns() > end_ns) return false;
      if (workers->prepare_to_wait()) {
        pollfd source{workers->event_fd(), POLLIN, 0};
        ::poll(&source, 1, 100);
      }
      workers->poll(events);
    }
    return true;
  }

  ports::WorkerId start_ready(std::uint32_t rung = 0) {
    const ports::WorkerId worker = workers->start(0, rung);
    EXPECT_TRUE(wait_until([&] { return events.is_ready(worker) || events.is_gone(worker); }));
    EXPECT_TRUE(events.is_ready(worker)) << (events.gone.empty() ? "" : events.gone.back().detail);
    return worker;
  }

  void submit(ports::WorkerId worker, char what, ports::JobId job = 1) {
    Bytes input(kTestBytes, std::byte{0x5A});
    input[0] = static_cast<std::byte>(what);
    workers->submit(worker, job, input);
  }

  bool wait_gone(ports::WorkerId worker) {
    return wait_until([&] { return events.is_gone(worker); });
  }

  // The worker answers an echo: it, and the agent, are well.
  void expect_echo(ports::WorkerId worker, ports::JobId job) {
    const std::size_t before = events.answered.size();
    submit(worker, kEcho, job);
    ASSERT_TRUE(wait_until([&] { return events.answered.size() > before; }));
    EXPECT_EQ(events.answered.back().job, job);
    EXPECT_TRUE(events.answered.back().ok);
    EXPECT_EQ(events.answered.back().output.size(), kTestBytes);
    EXPECT_EQ(events.answered.back().output[1], std::byte{0x5A});
  }

  [[nodiscard]] bool log_has(std::string_view part) const {
    return std::ranges::any_of(log, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  TimeNs measure_period_ns = kSecondNs;
  Recorder events;
  std::vector<std::string> log;
  std::unique_ptr<ProcessWorkers> workers;
};

inline std::size_t entries_of(const char* directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

}  // namespace lichen::posix
