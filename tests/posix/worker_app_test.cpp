// SPDX-License-Identifier: Apache-2.0
// The real lichen-worker with real models: what it answers from its sandbox is what the engine answers in process, and
// damaged models are failed starts that say why.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "engine/session.hpp"
#include "formats/tflite.hpp"
#include "workers_fixture.hpp"

namespace lichen::posix {
namespace {

using ports::WorkerEnd;
using tensor::DType;
using tensor::Shape;

// Eight numbers through a fully connected layer and a softmax: three classes.
graph::Graph small_model() {
  graph::Graph graph;
  graph.name = "small";
  std::vector<float> weights(24);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 7) * 0.25F - 0.5F;
  const std::vector<float> biases = {0.1F, -0.2F, 0.3F};
  const auto input = graph.add("input", DType::kF32, Shape{1, 8});
  const auto weight = graph.add_constant("weights", Shape{3, 8}, std::span<const float>(weights));
  const auto bias = graph.add_constant("biases", Shape{3}, std::span<const float>(biases));
  const auto logits = graph.add("logits", DType::kF32, Shape{1, 3});
  const auto output = graph.add("output", DType::kF32, Shape{1, 3});
  graph.nodes.push_back(
      {graph::Op::kFullyConnected, "fc", graph::FullyConnectedAttributes{}, {input, weight, bias}, {logits}});
  graph.nodes.push_back({graph::Op::kSoftmax, "softmax", graph::SoftmaxAttributes{}, {logits}, {output}});
  graph.inputs = {input};
  graph.outputs = {output};
  return graph;
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

void write_file(const std::string& path, ByteView bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

class WorkerAppTest : public WorkersTest {
 protected:
  void SetUp() override { path_ = fmt::format("{}/lichen_app_{}.tflite", ::testing::TempDir(), ::getpid()); }
  void TearDown() override { std::filesystem::remove(path_); }

  // A job whose contract is exactly the model's own tensors.
  static WorkerJobSpec job_for(const std::string& path, const engine::Session& session) {
    WorkerJobSpec job = job_named(kGood);
    job.model_path = path;
    job.memory_bytes_max = 256 << 20;
    job.inputs.clear();
    job.outputs.clear();
    for (const auto& info : session.inputs()) job.inputs.push_back(info.spec);
    for (const auto& info : session.outputs()) job.outputs.push_back(info.spec);
    return job;
  }

  void expect_same_as_in_process(const std::string& path) {
    const Bytes file = read_file(path);
    auto graph = formats::read_tflite(file, path);
    ASSERT_TRUE(graph) << graph.error().to_line();
    auto session = engine::Session::create(*graph, {});
    ASSERT_TRUE(session) << session.error().to_line();
    open({job_for(path, **session)});
    const auto worker = start_ready();
    ASSERT_TRUE(events.is_ready(worker));
    Bytes input((*session)->input(0).size());
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::byte>(i % 4 == 3 ? 0x3E : i * 37 % 64);
    std::ranges::copy(input, (*session)->input(0).begin());
    ASSERT_TRUE((*session)->run());
    workers->submit(worker, 1, input);
    ASSERT_TRUE(wait_until([&] { return !events.answered.empty() || !events.gone.empty(); }));
    ASSERT_TRUE(events.gone.empty()) << events.gone[0].detail;
    ASSERT_TRUE(events.answered[0].ok);
    EXPECT_TRUE(std::ranges::equal(events.answered[0].output, (*session)->output(0)));
  }

  std::string path_;
};

TEST_F(WorkerAppTest, AnswersAsTheEngineDoesInProcess) {
  const auto file = formats::write_tflite(small_model());
  ASSERT_TRUE(file) << file.error().to_line();
  write_file(path_, *file);
  expect_same_as_in_process(path_);
}

TEST_F(WorkerAppTest, RunsTheMlPerfTinyModelsInItsSandbox) {
  const char* named = std::getenv("LICHEN_SHARED");
  const std::string shared = named != nullptr ? named : std::string(LICHEN_SOURCE_DIR) + "/../shared";
  const std::string folder = shared + "/data/models/kws";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << "SKIPPED: no shared data (set LICHEN_SHARED to the folder that has data/models)";
  expect_same_as_in_process(folder + "/kws_ref_float32.tflite");
  events = {};
  expect_same_as_in_process(folder + "/kws_ref_int8.tflite");
}

TEST_F(WorkerAppTest, ATruncatedModelIsAFailedStartThatSaysWhy) {
  const auto file = formats::write_tflite(small_model());
  ASSERT_TRUE(file);
  const graph::Graph graph = small_model();
  auto session = engine::Session::create(graph, {});
  ASSERT_TRUE(session) << session.error().to_line();
  open({job_for(path_, **session)});
  for (std::size_t size = 0; size < file->size(); size += file->size() / 32 + 1) {
    write_file(path_, ByteView(*file).first(size));
    ASSERT_TRUE(wait_gone(workers->start(0, 0)));
    EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
    EXPECT_NE(events.gone.back().detail.find(path_), std::string::npos) << events.gone.back().detail;
  }
}

TEST_F(WorkerAppTest, AContractThatTheModelDoesNotFitIsAFailedStart) {
  const auto file = formats::write_tflite(small_model());
  ASSERT_TRUE(file);
  write_file(path_, *file);
  WorkerJobSpec job = job_named(kGood);
  job.model_path = path_;
  open({job});
  ASSERT_TRUE(wait_gone(workers->start(0, 0)));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
  EXPECT_FALSE(events.gone.back().detail.empty());
}

// The weights of the fully connected layer of a small model fill several blocks.
graph::Graph wide_model() {
  graph::Graph graph;
  graph.name = "wide";
  constexpr std::int64_t kIn = 640;
  constexpr std::int64_t kUnits = 512;
  std::vector<float> weights(kIn * kUnits);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i * 2654435761U % 1000) * 0.002F - 1;
  const std::vector<float> biases(kUnits, 0.25F);
  const auto input = graph.add("input", DType::kF32, Shape{1, kIn});
  const auto weight = graph.add_constant("weights", Shape{kUnits, kIn}, std::span<const float>(weights));
  const auto bias = graph.add_constant("biases", Shape{kUnits}, std::span<const float>(biases));
  const auto output = graph.add("output", DType::kF32, Shape{1, kUnits});
  graph.nodes.push_back(
      {graph::Op::kFullyConnected, "fc", graph::FullyConnectedAttributes{}, {input, weight, bias}, {output}});
  graph.inputs = {input};
  graph.outputs = {output};
  return graph;
}

// Another process's memory, written as a particle would: past the protection of its pages.
class ForeignMemory {
 public:
  explicit ForeignMemory(pid_t pid) : pid_(pid), fd_(::open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDWR)) {}

  // The largest piece of memory that is private, anonymous and read-only: the pool of weights, or a copy of the model
  // file, which is known by its magic.
  [[nodiscard]] std::pair<std::uint64_t, std::size_t> weights() const {
    std::ifstream maps(fmt::format("/proc/{}/maps", pid_));
    std::pair<std::uint64_t, std::size_t> best{0, 0};
    for (std::string line; std::getline(maps, line);) {
      unsigned long long begin = 0;
      unsigned long long end = 0;
      unsigned long long inode = 0;
      std::array<char, 8> access{};
      if (std::sscanf(line.c_str(), "%llx-%llx %7s %*x %*s %llu", &begin, &end, access.data(), &inode) != 4) continue;
      const bool named = line.find('[') != std::string::npos;
      std::array<char, 8> head{};
      static_cast<void>(::pread(fd_.get(), head.data(), head.size(), static_cast<off_t>(begin)) == 0);
      if (std::string_view(head.data() + 4, 4) == "TFL3") continue;
      if (std::string_view(access.data()) == "r--p" && inode == 0 && !named && end - begin > best.second)
        best = {begin, end - begin};
    }
    return best;
  }

  [[nodiscard]] bool is_stopped() const {
    std::ifstream status(fmt::format("/proc/{}/stat", pid_));
    std::string line;
    std::getline(status, line);
    const std::size_t name_end = line.rfind(')');
    return name_end != std::string::npos && line.compare(name_end, 3, ") T") == 0;
  }

  // Does the kernel let us at all?
  [[nodiscard]] bool can_write(std::uint64_t at) const {
    char byte = 0;
    return fd_.valid() && ::pread(fd_.get(), &byte, 1, static_cast<off_t>(at)) == 1 &&
           ::pwrite(fd_.get(), &byte, 1, static_cast<off_t>(at)) == 1;
  }

  [[nodiscard]] bool flip(std::uint64_t at, std::uint64_t bit) const {
    char byte = 0;
    const auto where = static_cast<off_t>(at + bit / 8);
    if (::pread(fd_.get(), &byte, 1, where) != 1) return false;
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    return ::pwrite(fd_.get(), &byte, 1, where) == 1;
  }

 private:
  pid_t pid_;
  Fd fd_;
};

class BitFlipTest : public WorkerAppTest {
 protected:
  static constexpr TimeNs kPeriodNs = 40 * kMillisecondNs;

  void SetUp() override {
    WorkerAppTest::SetUp();
    const auto file = formats::write_tflite(wide_model());
    ASSERT_TRUE(file) << file.error().to_line();
    write_file(path_, *file);
    auto session = engine::Session::create(wide_model(), {});
    ASSERT_TRUE(session) << session.error().to_line();
    WorkerJobSpec job = job_for(path_, **session);
    measure_period_ns = 10 * kMillisecondNs;
    job.scrub_period_ns = kPeriodNs;
    open({job});
    input_ = Bytes(job.inputs[0].bytes());
    for (std::size_t i = 0; i < input_.size(); ++i) input_[i] = static_cast<std::byte>(i % 4 == 3 ? 0x3E : i * 37 % 64);
    worker_ = start_ready();
    right_ = answer();
  }

  Bytes answer() {
    const std::size_t before = events.answered.size();
    workers->submit(worker_, before + 1, input_);
    EXPECT_TRUE(wait_until([&] { return events.answered.size() > before || events.is_gone(worker_); }));
    return events.answered.size() > before ? events.answered.back().output : Bytes{};
  }

  [[nodiscard]] ScrubCounters counters() const { return workers->scrub_counters(0, 0); }

  Bytes input_;
  Bytes right_;
  ports::WorkerId worker_ = 0;
};

TEST_F(BitFlipTest, AThousandSingleFlipsAreAllFoundAndMendedExactly) {
  const ForeignMemory memory(workers->pid_of(worker_));
  const auto [at, bytes] = memory.weights();
  ASSERT_GE(bytes, 1'000'000U) << "the packed weights are not in a pool";
  if (!memory.can_write(at)) GTEST_SKIP() << "SKIPPED: this kernel lets nobody write another process's memory";
  ASSERT_TRUE(wait_until([&] { return counters().blocks > 0; }));
  const std::uint64_t blocks = counters().blocks;
  std::mt19937_64 random(11);
  std::uint64_t done = 0;
  // One in each whole block, so that no block has two; then the next round.
  while (done < 1000) {
    for (std::uint64_t block = 0; block < bytes / kSumBlockBytes && done < 1000; ++block, ++done)
      ASSERT_TRUE(memory.flip(at, (block * kSumBlockBytes) * 8 + random() % (kSumBlockBytes * 8)));
    ASSERT_TRUE(wait_until([&] { return counters().flips_mended >= done || events.is_gone(worker_); }))
        << counters().flips_mended << " of " << done;
    ASSERT_FALSE(events.is_gone(worker_)) << events.gone.back().detail;
    ASSERT_EQ(answer(), right_) << "after " << done << " flips";
  }
  EXPECT_EQ(counters().flips_mended, 1000U);
  EXPECT_EQ(counters().blocks, blocks);
  EXPECT_EQ(workers->damage_found(0, 0), 0U);
  EXPECT_TRUE(log_has("flipped bits"));
}

TEST_F(BitFlipTest, AHundredDoubleFlipsEachEndTheWorkerAndItsSuccessorIsWell) {
  std::mt19937_64 random(12);
  for (int i = 1; i <= 100; ++i) {
    const ForeignMemory memory(workers->pid_of(worker_));
    const auto [at, bytes] = memory.weights();
    ASSERT_GE(bytes, 1'000'000U);
    if (!memory.can_write(at)) GTEST_SKIP() << "SKIPPED: this kernel lets nobody write another process's memory";
    const std::uint64_t block = random() % (bytes / kSumBlockBytes) * kSumBlockBytes;
    const std::uint64_t bit = random() % (kSumBlockBytes * 8 - 1);
    const std::uint64_t other = (bit + 1 + random() % (kSumBlockBytes * 8 - 1)) % (kSumBlockBytes * 8);
    // Both at once: the scrubber must not see the first alone.
    ASSERT_EQ(::kill(workers->pid_of(worker_), SIGSTOP), 0);
    while (!memory.is_stopped()) std::this_thread::yield();
    ASSERT_TRUE(memory.flip(at, block * 8 + bit) && memory.flip(at, block * 8 + other));
    ASSERT_EQ(::kill(workers->pid_of(worker_), SIGCONT), 0);
    ASSERT_TRUE(wait_gone(worker_)) << "round " << i << ", " << counters().scrubbed << " scrubbed, "
                                    << counters().flips_mended << " mended";
    EXPECT_EQ(events.gone.back().end, WorkerEnd::kDied);
    EXPECT_EQ(events.gone.back().detail.find("weights damaged: block "), 0U) << events.gone.back().detail;
    ASSERT_EQ(workers->damage_found(0, 0), static_cast<std::uint64_t>(i));
    worker_ = start_ready();
    ASSERT_EQ(answer(), right_);
  }
}

TEST_F(BitFlipTest, AModelFileThatChangedDoesNotStartAgainUntilItIsExpected) {
  Bytes file = read_file(path_);
  workers->kill(worker_);
  ASSERT_TRUE(wait_gone(worker_));
  const Bytes original = file;
  for (std::size_t i = 0; i < 4; ++i) file[file.size() / 2 + i] ^= std::byte{0x3C};
  write_file(path_, file);
  for (int i = 0; i < 2; ++i) {  // from the page cache, then from the disk
    ASSERT_TRUE(wait_gone(workers->start(0, 0)));
    EXPECT_EQ(events.gone.back().end, WorkerEnd::kStartFailed);
    EXPECT_NE(events.gone.back().detail.find("not what it was"), std::string::npos) << events.gone.back().detail;
  }
  write_file(path_, original);
  worker_ = start_ready();
  EXPECT_EQ(answer(), right_);
  workers->kill(worker_);
  ASSERT_TRUE(wait_gone(worker_));
  write_file(path_, file);
  workers->expect_new_file(0, 0);
  worker_ = start_ready();
  EXPECT_NE(answer(), right_);
}

}  // namespace
}  // namespace lichen::posix
