// SPDX-License-Identifier: Apache-2.0
#include "fakes/workers.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace lichen::fakes {
namespace {

constexpr std::uint32_t kKind = 4;

class Host : public ports::WorkerEvents {
 public:
  explicit Host(std::uint64_t seed) : workers(queue, 0, kKind, SeededRandom(seed, 0, 0), model()) {}

  void worker_ready(const ports::WorkerReady& event) override { ready.push_back(event.worker); }
  void worker_answered(const ports::WorkerAnswered& event) override {
    answered.push_back(event.job);
    oks.push_back(event.ok);
    outputs.emplace_back(event.output.begin(), event.output.end());
  }
  void worker_gone(const ports::WorkerGone& event) override {
    ++gone[event.worker];
    ends.push_back(event.end);
  }

  void run() {
    while (!queue.empty()) workers.deliver(queue.pop(), *this);
  }
  void run_until(TimeNs time_ns) {
    while (queue.next_ns() <= time_ns) workers.deliver(queue.pop(), *this);
  }
  ports::WorkerId start_ready(std::uint32_t rung) {
    const ports::WorkerId id = workers.start(0, rung);
    run();
    return id;
  }

  static WorkerModel model() { return {.job_ns = {8 * kMillisecondNs, 2 * kMillisecondNs}}; }

  EventQueue queue;
  FakeWorkers workers;
  std::vector<ports::WorkerId> ready;
  std::vector<ports::JobId> answered;
  std::vector<bool> oks;
  std::vector<Bytes> outputs;
  std::map<ports::WorkerId, int> gone;
  std::vector<ports::WorkerEnd> ends;
};

const Bytes kInput(8, std::byte{1});
const Bytes kOtherInput(8, std::byte{2});

TEST(TableAnswer, DiffersByRungAndByInput) {
  EXPECT_EQ(table_answer(0, kInput), table_answer(0, kInput));
  EXPECT_NE(table_answer(0, kInput), table_answer(1, kInput));
  EXPECT_NE(table_answer(0, kInput), table_answer(0, kOtherInput));
}

TEST(TableAnswer, NoTwoOfAThousandInputsShareOne) {
  std::set<Answer> seen;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    Bytes input;
    ByteWriter(input).put(i);
    seen.insert(table_answer(0, input));
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(FakeWorkers, AWorkerBecomesReadyAndAnswersFromTheTable) {
  Host host(1);
  const ports::WorkerId id = host.start_ready(1);
  EXPECT_EQ(host.ready, std::vector{id});
  host.workers.submit(id, 5, kInput);
  host.run();
  ASSERT_EQ(host.answered, std::vector<ports::JobId>{5});
  EXPECT_TRUE(host.oks[0]);
  const Answer expected = table_answer(1, kInput);
  EXPECT_EQ(host.outputs[0], Bytes(expected.begin(), expected.end()));
}

TEST(FakeWorkers, AJobTakesBetweenHalfAndOneAndAHalfOfItsMean) {
  Host host(1);
  const ports::WorkerId id = host.start_ready(0);
  for (ports::JobId job = 1; job <= 200; ++job) {
    const TimeNs from_ns = host.queue.now_ns();
    host.workers.submit(id, job, kInput);
    host.run();
    const TimeNs took_ns = host.queue.now_ns() - from_ns;
    ASSERT_GE(took_ns, 4 * kMillisecondNs);
    ASSERT_LE(took_ns, 12 * kMillisecondNs);
  }
}

TEST(FakeWorkers, AKilledWorkerGoesExactlyOnceHoweverOftenItIsKilled) {
  Host host(1);
  const ports::WorkerId id = host.start_ready(0);
  host.workers.kill(id);
  host.workers.kill(id);
  host.workers.strike(0, false);
  host.run();
  host.workers.kill(id);
  host.run();
  EXPECT_EQ(host.gone[id], 1);
  EXPECT_EQ(host.ends, std::vector{ports::WorkerEnd::kKilled});
}

TEST(FakeWorkers, AFrozenWorkerNeverAnswersButGoesWhenKilled) {
  Host host(1);
  const ports::WorkerId id = host.start_ready(0);
  host.workers.submit(id, 1, kInput);
  host.workers.strike(0, true);
  host.run();
  EXPECT_TRUE(host.answered.empty());
  EXPECT_EQ(host.gone[id], 0);
  host.workers.kill(id);
  host.run();
  EXPECT_EQ(host.gone[id], 1);
}

TEST(FakeWorkers, AWorkerFrozenWhileItStartsNeverBecomesReady) {
  Host host(1);
  (void)host.workers.start(0, 0);
  host.workers.strike(0, true);
  host.run();
  EXPECT_TRUE(host.ready.empty());
}

TEST(FakeWorkers, TroubleAtTheStartEndsAsAFailedStart) {
  Host host(1);
  host.workers.set_trouble({.start_fails_ppm = kWholePpm});
  (void)host.start_ready(0);
  EXPECT_TRUE(host.ready.empty());
  EXPECT_EQ(host.ends, std::vector{ports::WorkerEnd::kStartFailed});
}

TEST(FakeWorkers, ARefusedInputIsAnAnswerThatIsNotOk) {
  Host host(1);
  host.workers.set_trouble({.job_refused_ppm = kWholePpm});
  const ports::WorkerId id = host.start_ready(0);
  host.workers.submit(id, 1, kInput);
  host.run();
  ASSERT_EQ(host.oks, std::vector{false});
  EXPECT_TRUE(host.outputs[0].empty());
  EXPECT_EQ(host.workers.alive(), 1u);
}

TEST(FakeWorkers, AfterTheAgentDiedNobodyHearsOfItsWorkers) {
  Host host(1);
  const ports::WorkerId id = host.start_ready(0);
  host.workers.submit(id, 1, kInput);
  host.workers.all_die();
  host.run();
  EXPECT_TRUE(host.answered.empty());
  EXPECT_TRUE(host.gone.empty());
}

// Deaths, hangs, strikes and kills at random: the port's promise holds for each worker.
TEST(FakeWorkers, EveryKilledWorkerGoesExactlyOnceAndSaysNothingAfterwards) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Host host(seed);
    SeededRandom random(seed, 1, 1);
    host.workers.set_trouble({.start_fails_ppm = 100'000,
                              .start_hangs_ppm = 100'000,
                              .job_dies_ppm = 200'000,
                              .job_hangs_ppm = 200'000,
                              .job_refused_ppm = 200'000});
    std::vector<ports::WorkerId> all;
    for (int i = 0; i < 10; ++i) all.push_back(host.workers.start(0, 0));
    host.run_until(host.queue.now_ns() + kSecondNs);
    const std::size_t ready = host.ready.size();
    for (std::size_t i = 0; i < ready; ++i) host.workers.submit(host.ready[i], i + 1, kInput);
    for (int i = 0; i < 3; ++i) host.workers.strike(random.next(), random.chance(500'000));
    host.run_until(host.queue.now_ns() + random.between(0, 10 * kMillisecondNs));
    for (const ports::WorkerId id : all) host.workers.kill(id);
    host.run();
    for (const ports::WorkerId id : all) ASSERT_EQ(host.gone[id], 1) << "seed " << seed << ", worker " << id;
    ASSERT_EQ(host.workers.alive(), 0u);
    ASSERT_LE(host.answered.size(), ready);
  }
}

}  // namespace
}  // namespace lichen::fakes
