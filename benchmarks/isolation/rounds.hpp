// SPDX-License-Identifier: Apache-2.0
// The measured rounds: jobs through a worker process, jobs in process, kills.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "posix/process_workers.hpp"
#include "posix/worker_runtime.hpp"

namespace lichen::bench {

// Copies as much of the input as the output takes.
class CopyBody final : public posix::WorkerBody {
 public:
  Result<void> load(const posix::WorkerLoad& with) override;
  Result<void> run(ByteView input, std::span<std::byte> output) override;
};

// Sorted times, in ns.
class Times {
 public:
  explicit Times(std::vector<TimeNs> times);
  // The value that `percent` of them do not exceed.
  [[nodiscard]] TimeNs at(int percent) const;

 private:
  std::vector<TimeNs> times_;
};

class Rounds final : public ports::WorkerEvents {
 public:
  // Starts a worker of `job`; exits the program with a message if that fails.
  Rounds(const std::string& worker_program, const posix::WorkerJobSpec& job);

  // `count` jobs through the worker, `gap_ns` of sleep before each; `input` has the job's size.
  std::vector<TimeNs> through_worker(ByteView input, std::size_t count, TimeNs gap_ns);
  // From SIGKILL to the event, `count` times, with a fresh worker for each.
  std::vector<TimeNs> kills(std::size_t count);

  void worker_ready(const ports::WorkerReady& event) override;
  void worker_answered(const ports::WorkerAnswered& event) override;
  void worker_gone(const ports::WorkerGone& event) override;

 private:
  void start();
  void wait();

  std::unique_ptr<posix::ProcessWorkers> workers_;
  posix::MonotonicClock clock_;
  ports::WorkerId worker_ = 0;
  ports::JobId job_ = 0;
  bool ready_ = false;
  bool answered_ = false;
  bool gone_ = false;
  bool may_die_ = false;
};

std::vector<TimeNs> in_process(ByteView input, std::size_t output_bytes, std::size_t count);

}  // namespace lichen::bench
