// SPDX-License-Identifier: Apache-2.0
// An agent to be killed: starts two workers, prints three pids (template, workers) in binary, and waits for ever.
#include <poll.h>
#include <unistd.h>

#include <array>

#include "posix/process_workers.hpp"
#include "posix/sandbox.hpp"

namespace {

class CountReady final : public lichen::ports::WorkerEvents {
 public:
  void worker_ready(const lichen::ports::WorkerReady&) override { ++ready; }
  void worker_answered(const lichen::ports::WorkerAnswered&) override {}
  void worker_gone(const lichen::ports::WorkerGone&) override { ::_exit(1); }
  int ready = 0;
};

lichen::posix::WorkerJobSpec small_job() {
  using namespace lichen;
  posix::WorkerJobSpec job;
  job.inputs = {{"good", tensor::DType::kU8, tensor::Shape{16}}};
  job.outputs = {{"out", tensor::DType::kU8, tensor::Shape{16}}};
  if (!posix::sandbox_available()) job.sandbox = posix::SandboxMode::kOff;
  return job;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lichen;
  if (argc != 2) return 2;
  posix::ProcessWorkersConfig config;
  config.worker_program = argv[1];
  config.rungs.push_back({0, 0, small_job()});
  auto workers = posix::ProcessWorkers::create(std::move(config));
  if (!workers) return 1;
  CountReady events;
  const std::array ids = {(*workers)->start(0, 0), (*workers)->start(0, 0)};
  while (events.ready < 2) {
    pollfd source{(*workers)->event_fd(), POLLIN, 0};
    ::poll(&source, 1, 1000);
    (*workers)->poll(events);
  }
  const std::array pids = {(*workers)->template_pid(), (*workers)->pid_of(ids[0]), (*workers)->pid_of(ids[1])};
  if (::write(STDOUT_FILENO, pids.data(), sizeof pids) != static_cast<ssize_t>(sizeof pids)) return 1;
  while (true) ::pause();
}
