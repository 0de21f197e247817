// SPDX-License-Identifier: Apache-2.0
// Clock, random numbers, notification, job descriptions and the two ends of a channel, without processes.
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "posix/clock.hpp"
#include "posix/random.hpp"
#include "posix/sd_notify.hpp"
#include "posix/worker_channel.hpp"
#include "posix/worker_job.hpp"

namespace lichen::posix {
namespace {

TEST(Clock, NeverGoesBack) {
  const MonotonicClock clock;
  TimeNs last_ns = clock.now_ns();
  for (int i = 0; i < 1000; ++i) {
    const TimeNs now_ns = clock.now_ns();
    ASSERT_GE(now_ns, last_ns);
    last_ns = now_ns;
  }
}

TEST(Random, StaysBelowItsBoundAndReachesEveryValue) {
  KernelRandom random;
  std::array<int, 6> seen{};
  for (int i = 0; i < 6000; ++i) ++seen.at(random.below(6));
  for (const int count : seen) EXPECT_GT(count, 700);  // 1000 expected; below 700 once in 10^23
  EXPECT_EQ(random.below(1), 0u);
}

TEST(SdNotify, SendsOneDatagram) {
  const std::string path = fmt::format("{}/lichen_notify_{}", ::testing::TempDir(), ::getpid());
  const Fd server(::socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  sd_notify("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
  std::array<char, 32> text{};
  EXPECT_EQ(::recv(server.get(), text.data(), text.size(), 0), 7);
  EXPECT_STREQ(text.data(), "READY=1");
  ::unlink(path.c_str());
}

WorkerJobSpec some_job() {
  WorkerJobSpec job;
  job.model_path = "/models/digits.tflite";
  job.inputs = {{"image", tensor::DType::kF32, tensor::Shape{1, 8, 8, 1}}};
  job.outputs = {{"scores", tensor::DType::kF32, tensor::Shape{1, 10}}, {"more", tensor::DType::kI8, tensor::Shape{}}};
  job.threads = 2;
  job.memory_bytes_max = 1 << 30;
  job.cpu = 1;
  job.drop_user = false;
  return job;
}

TEST(WorkerJob, SurvivesTheWire) {
  Bytes bytes;
  ByteWriter out(bytes);
  encode(some_job(), out);
  ByteReader in(bytes);
  const auto back = decode_worker_job(in);
  ASSERT_TRUE(back) << back.error().to_line();
  Bytes again;
  ByteWriter out_again(again);
  encode(*back, out_again);
  EXPECT_EQ(bytes, again);
  EXPECT_EQ(back->cpu, 1u);
  EXPECT_EQ(back->sandbox, SandboxMode::kRequired);
}

TEST(WorkerJob, EveryTruncationIsAnError) {
  Bytes bytes;
  ByteWriter out(bytes);
  encode(some_job(), out);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader in(ByteView(bytes).first(size));
    EXPECT_FALSE(decode_worker_job(in)) << size;
  }
}

class ChannelTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kInputBytes = 100;
  static constexpr std::size_t kOutputBytes = 40;

  void SetUp() override {
    auto event = make_event_fd();
    ASSERT_TRUE(event);
    event_ = std::move(*event);
    auto agent = AgentChannel::create(kInputBytes, kOutputBytes, kSpinNsMax);
    ASSERT_TRUE(agent) << agent.error().to_line();
    agent_.emplace(std::move(*agent));
    auto worker = WorkerChannel::attach(agent_->memory_fd(), event_.get(), kInputBytes, kOutputBytes);
    ASSERT_TRUE(worker) << worker.error().to_line();
    worker_ = std::move(*worker);
  }

  Fd event_;
  std::optional<AgentChannel> agent_;
  std::unique_ptr<WorkerChannel> worker_;
};

TEST_F(ChannelTest, TheMemoryCannotBeResized) {
  EXPECT_NE(::ftruncate(agent_->memory_fd(), 0), 0);
  EXPECT_NE(::ftruncate(agent_->memory_fd(), 1 << 20), 0);
}

TEST_F(ChannelTest, AContractOfAnotherSizeCannotAttach) {
  EXPECT_FALSE(WorkerChannel::attach(agent_->memory_fd(), event_.get(), kInputBytes, 4096));
}

TEST_F(ChannelTest, TenThousandJobsAreAnsweredInTurn) {
  constexpr std::uint32_t kJobs = 10'000;
  std::thread worker([this] {
    for (std::uint32_t i = 0; i < kJobs; ++i) {
      const ByteView input = worker_->wait_for_job(kNeverNs);
      std::copy_n(input.begin(), kOutputBytes, worker_->output().begin());
      worker_->respond(JobStatus::kOk, 1);
    }
  });
  Bytes input(kInputBytes);
  for (std::uint32_t i = 0; i < kJobs; ++i) {
    std::memcpy(input.data(), &i, sizeof i);
    agent_->submit(input);
    AgentChannel::Poll seen = AgentChannel::Poll::kNothing;
    while ((seen = agent_->poll()) == AgentChannel::Poll::kNothing) {
      pollfd source{event_.get(), POLLIN, 0};
      // Every wake-up that was promised must come: this would hang at the first lost one.
      if (agent_->prepare_to_park()) {
        ASSERT_EQ(::poll(&source, 1, 60'000), 1);
      }
      drain_event(event_.get());
    }
    ASSERT_EQ(seen, AgentChannel::Poll::kAnswered);
    std::uint32_t echoed = 0;
    std::memcpy(&echoed, agent_->answer().data(), sizeof echoed);
    ASSERT_EQ(echoed, i);
  }
  worker.join();
}

}  // namespace
}  // namespace lichen::posix
