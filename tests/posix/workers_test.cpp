// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include <fmt/format.h>

#include "workers_fixture.hpp"

namespace lichen::posix {
namespace {

using ports::WorkerEnd;

TEST_F(WorkersTest, AJobComesBackAnswered) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  for (ports::JobId job = 1; job <= 200; ++job) expect_echo(worker, job);
  EXPECT_EQ(events.answered.size(), 200u);
  EXPECT_TRUE(events.gone.empty());
}

TEST_F(WorkersTest, ARefusedInputLeavesTheWorkerAlive) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  submit(worker, kRefuse, 7);
  ASSERT_TRUE(wait_until([&] { return events.answered.size() == 1; }));
  EXPECT_FALSE(events.answered[0].ok);
  EXPECT_TRUE(events.answered[0].output.empty());
  expect_echo(worker, 8);
}

TEST_F(WorkersTest, TheModelFileIsMappedForTheBody) {
  const std::string path = fmt::format("{}/lichen_model_{}", ::testing::TempDir(), ::getpid());
  std::ofstream(path) << "model bytes";
  WorkerJobSpec job = job_named(kGood);
  job.model_path = path;
  open({job});
  submit(start_ready(), kReadModel);
  ASSERT_TRUE(wait_until([&] { return !events.answered.empty(); }));
  EXPECT_TRUE(text_of(events.answered[0].output).starts_with("model bytes"));
  std::filesystem::remove(path);
}

TEST_F(WorkersTest, AnIdleWorkerKilledBySomebodyIsGoneOnce) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  ASSERT_EQ(::kill(workers->pid_of(worker), SIGKILL), 0);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kDied);
  EXPECT_FALSE(events.gone.back().detail.empty());
  ASSERT_TRUE(wait_until([&] { return log_has("signal 9") || events.gone[0].detail.find("signal 9") == 0; }));
  EXPECT_EQ(events.gone.size(), 1u);
}

TEST_F(WorkersTest, AWorkerKilledWithAJobInFlightIsGoneOnceAndTheJobIsNotAnswered) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  submit(worker, kLoop);
  ASSERT_EQ(::kill(workers->pid_of(worker), SIGKILL), 0);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_TRUE(events.answered.empty());
  EXPECT_EQ(events.gone.size(), 1u);
  expect_echo(start_ready(), 2);
}

TEST_F(WorkersTest, AStoppedWorkerIsSilentUntilItIsKilled) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  ASSERT_EQ(::kill(workers->pid_of(worker), SIGSTOP), 0);
  submit(worker, kEcho);
  EXPECT_FALSE(wait_until([&] { return !events.answered.empty() || !events.gone.empty(); }, 200 * kMillisecondNs));
  workers->kill(worker);
  workers->kill(worker);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kKilled);
  EXPECT_TRUE(events.answered.empty());
}

TEST_F(WorkersTest, AnEndlessLoopIsEndedByKill) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  submit(worker, kLoop);
  workers->kill(worker);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kKilled);
}

TEST_F(WorkersTest, KillBeforeTheProcessExistsStillEndsInOneGone) {
  open({job_named(kGood)});
  const auto worker = workers->start(0, 0);
  workers->kill(worker);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kKilled);
  expect_echo(start_ready(), 1);
  EXPECT_EQ(events.gone.size(), 1u);
}

TEST_F(WorkersTest, AHangAtLoadIsEndedByKill) {
  open({job_named(kHangAtLoad)});
  const auto worker = workers->start(0, 0);
  ASSERT_TRUE(wait_until([&] { return workers->pid_of(worker) != 0; }));
  workers->kill(worker);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kKilled);
}

TEST_F(WorkersTest, ACrashAtLoadIsAFailedStartWithItsSignal) {
  open({job_named(kCrashAtLoad)});
  const auto worker = workers->start(0, 0);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
  EXPECT_EQ(events.gone.back().detail, "signal 6 (Aborted)");
}

TEST_F(WorkersTest, ARefusalAtLoadTellsWhyInPrintableCharacters) {
  open({job_named(kRefuseAtLoad)});
  ASSERT_TRUE(wait_gone(workers->start(0, 0)));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
  EXPECT_EQ(events.gone.back().detail, "cannot load model: bad?[31m bytes");
}

TEST_F(WorkersTest, AMissingModelFileIsAFailedStartThatNamesIt) {
  WorkerJobSpec job = job_named(kGood);
  job.model_path = "/nonexistent/model.tflite";
  open({job});
  ASSERT_TRUE(wait_gone(workers->start(0, 0)));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
  EXPECT_EQ(events.gone.back().detail, "cannot open the model: /nonexistent/model.tflite: No such file or directory");
}

TEST_F(WorkersTest, AnUnknownRungIsAFailedStart) {
  open({job_named(kGood)});
  ASSERT_TRUE(wait_gone(workers->start(3, 1)));
  EXPECT_EQ(events.gone.back().detail, "rung 1 of model 3 is not configured");
}

TEST_F(WorkersTest, AnExceptionEndsTheWorkerWithItsText) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  submit(worker, kThrow);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kDied);
  EXPECT_EQ(events.gone.back().detail, "thrown by the body");
}

TEST_F(WorkersTest, WhenTheTemplateDiesEveryWorkerGoesAndStartingWorksAgain) {
  open({job_named(kGood)});
  const auto first = start_ready();
  const auto second = start_ready();
  const pid_t before = workers->template_pid();
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] { return events.is_gone(first) && events.is_gone(second); }));
  EXPECT_EQ(events.gone.size(), 2u);
  expect_echo(start_ready(), 1);
  EXPECT_NE(workers->template_pid(), before);
}

TEST_F(WorkersTest, AStartThatTheTemplateNeverAnsweredFailsWhenTheTemplateDies) {
  open({job_named(kGood)});
  ASSERT_EQ(::kill(workers->template_pid(), SIGSTOP), 0);
  const auto worker = workers->start(0, 0);
  ASSERT_EQ(::kill(workers->template_pid(), SIGKILL), 0);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
  expect_echo(start_ready(), 1);
}

TEST_F(WorkersTest, ATemplateProgramThatCannotRunFailsStartsInsteadOfHangingThem) {
  ProcessWorkersConfig config;
  config.worker_program = "/bin/false";
  config.rungs.push_back({0, 0, job_named(kGood)});
  auto made = ProcessWorkers::create(std::move(config));
  ASSERT_TRUE(made);
  workers = std::move(*made);
  for (int i = 0; i < 3; ++i) {
    const auto worker = workers->start(0, 0);
    ASSERT_TRUE(wait_gone(worker));
    EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
  }
}

TEST_F(WorkersTest, AMissingWorkerProgramIsAnErrorAtOnce) {
  ProcessWorkersConfig config;
  config.worker_program = "/nonexistent/lichen-worker";
  const auto made = ProcessWorkers::create(std::move(config));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kNotFound);
}

TEST_F(WorkersTest, WhenTheAgentIsKilledEveryWorkerDies) {
  int pipe_ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(pipe_ends, 0), 0);
  Fd from_child(pipe_ends[0]);
  Fd to_parent(pipe_ends[1]);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    ::dup2(to_parent.get(), STDOUT_FILENO);
    ::execl(TEST_PARENT, TEST_PARENT, TEST_WORKER, nullptr);
    ::_exit(127);
  }
  to_parent.reset();
  // The test parent prints its template and its workers, and then waits.
  std::array<pid_t, 3> pids{};
  ASSERT_EQ(::read(from_child.get(), pids.data(), sizeof pids), static_cast<ssize_t>(sizeof pids));
  std::vector<Fd> processes;
  for (const pid_t pid : pids) processes.push_back(pidfd_open(pid));
  for (const Fd& process : processes) ASSERT_TRUE(process.valid());
  ASSERT_EQ(::kill(parent, SIGKILL), 0);
  for (const Fd& process : processes) {
    pollfd end{process.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&end, 1, static_cast<int>(kPatienceNs / kMillisecondNs)), 1);
  }
  ::waitpid(parent, nullptr, 0);
}

TEST_F(WorkersTest, AThousandStartsLeakNothing) {
  open({job_named(kGood)});
  const auto cycle = [&] {
    const auto worker = start_ready();
    workers->kill(worker);
    ASSERT_TRUE(wait_until([&] { return events.is_gone(worker) && workers->pid_of(worker) == 0; }));
    events.gone.clear();
    events.ready.clear();
  };
  for (int i = 0; i < 10; ++i) cycle();
  const std::size_t fds = entries_of("/proc/self/fd");
  const std::size_t threads = entries_of("/proc/self/task");
  const auto pages_mapped = [] {
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages;
    return pages;
  };
  const std::size_t pages = pages_mapped();
  for (int i = 0; i < 1000; ++i) cycle();
  EXPECT_EQ(entries_of("/proc/self/fd"), fds);
  EXPECT_EQ(entries_of("/proc/self/task"), threads);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(pages_mapped(), pages + 256);  // 1 MiB: an allocator's slack, not 1,000 channels of 12 KiB
#else
  static_cast<void>(pages);
#endif
}

}  // namespace
}  // namespace lichen::posix
