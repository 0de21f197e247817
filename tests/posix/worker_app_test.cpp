// SPDX-License-Identifier: Apache-2.0
// The real lichen-worker with real models: what it answers from its sandbox is what the engine answers in process, and
// damaged models are failed starts that say why.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

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

}  // namespace
}  // namespace lichen::posix
