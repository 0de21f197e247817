// SPDX-License-Identifier: Apache-2.0
// The sandbox holds: each forbidden thing ends the worker, each needed thing works.
#include <unistd.h>

#include <fstream>

#include <fmt/format.h>

#include "workers_fixture.hpp"

namespace lichen::posix {
namespace {

using ports::WorkerEnd;

class SandboxTest : public WorkersTest {
 protected:
  void SetUp() override {
    if (const Result<void> available = sandbox_available(); !available) GTEST_SKIP() << available.error().to_line();
  }

  [[nodiscard]] std::string status_line(pid_t pid, const std::string& key) const {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(key + ":")) return line.substr(key.size() + 2);
    }
    return {};
  }
};

class ForbiddenTest : public SandboxTest, public ::testing::WithParamInterface<char> {};

TEST_P(ForbiddenTest, KillsTheWorkerWithSigsys) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  submit(worker, GetParam());
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kDied);
  EXPECT_TRUE(wait_until([&] { return log_has("signal 31") || events.gone[0].detail.starts_with("signal 31"); }));
}

INSTANTIATE_TEST_SUITE_P(Calls, ForbiddenTest,
                         ::testing::Values(kOpen, kSocket, kFork, kExec, kKillParent, kExecutable, kSharedBomb),
                         [](const auto& call) {
                           return std::string(1, call.param) + (call.param < 'a' ? "_upper" : "");
                         });

TEST_F(SandboxTest, TheWorkerHasNoPrivilegesAndAFilter) {
  open({job_named(kGood)});
  const pid_t pid = workers->pid_of(start_ready());
  EXPECT_EQ(status_line(pid, "NoNewPrivs"), "1");
  EXPECT_EQ(status_line(pid, "Seccomp"), "2");
  EXPECT_EQ(status_line(pid, "CapEff"), "0000000000000000");
  EXPECT_EQ(status_line(pid, "CapPrm"), "0000000000000000");
  if (::geteuid() == 0) {
    EXPECT_EQ(status_line(pid, "Uid"), "65534\t65534\t65534\t65534");
    EXPECT_EQ(entries_of(fmt::format("/proc/{}/fd", pid).c_str()), 1u);  // the event descriptor
  }
}

TEST_F(SandboxTest, AnAllocationBombMeetsTheMemoryLimit) {
  WorkerJobSpec job = job_named(kGood);
  job.memory_bytes_max = 64 << 20;
  open({job});
  const auto worker = start_ready();
  submit(worker, kBomb);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().detail, "out of memory limit");
}

TEST_F(SandboxTest, AnAllocationBombAtLoadIsAFailedStart) {
  WorkerJobSpec job = job_named(kBombAtLoad);
  job.memory_bytes_max = 64 << 20;
  open({job});
  ASSERT_TRUE(wait_gone(workers->start(0, 0)));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
  EXPECT_EQ(events.gone.back().detail, "out of memory limit");
}

TEST_F(SandboxTest, ThreadsWorkWhenAskedForAndKillWhenNot) {
  WorkerJobSpec threaded = job_named(kGood);
  threaded.threads = 2;
  open({threaded, job_named(kGood)});
  submit(start_ready(0), kThread);
  ASSERT_TRUE(wait_until([&] { return !events.answered.empty(); }));
  EXPECT_EQ(events.answered[0].output[0], std::byte{'T'});
  const auto single = start_ready(1);
  submit(single, kThread);
  ASSERT_TRUE(wait_gone(single));
}

TEST_F(SandboxTest, ThreadsDoNotMakeForkingPossible) {
  WorkerJobSpec threaded = job_named(kGood);
  threaded.threads = 2;
  open({threaded});
  const auto worker = start_ready();
  submit(worker, kFork);
  ASSERT_TRUE(wait_gone(worker));
}

TEST_F(SandboxTest, AnAbortStaysAnAbort) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  submit(worker, kAbort);
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_TRUE(wait_until([&] { return log_has("signal 6") || events.gone[0].detail.starts_with("signal 6"); }));
}

TEST_F(SandboxTest, SwitchedOffItSaysSoInTheLog) {
  WorkerJobSpec job = job_named(kGood);
  job.sandbox = SandboxMode::kOff;
  open({job});
  const auto worker = start_ready();
  EXPECT_EQ(status_line(workers->pid_of(worker), "Seccomp"), "0");
  EXPECT_TRUE(log_has("sandbox is off"));
}

}  // namespace
}  // namespace lichen::posix
