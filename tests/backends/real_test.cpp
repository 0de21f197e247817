// SPDX-License-Identifier: Apache-2.0
// The real ONNX Runtime: every entry of its interface that we call does what we think, and its answers and ours to the
// models of the shared data are the same.
#include <algorithm>
#include <atomic>

#include <gtest/gtest.h>

#include "backends/backend.hpp"
#include "posix/library.hpp"
#include "support.hpp"

namespace lichen::backends {
namespace {

// $LICHEN_ONNXRUNTIME, or what ./bench engine installed.
std::string real_library() {
  const char* named = std::getenv("LICHEN_ONNXRUNTIME");
  if (named != nullptr) return named;
  const std::filesystem::path environment = std::filesystem::path(testing::source_dir()) / "build" / "venv-bench";
  if (!std::filesystem::exists(environment)) return {};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(environment)) {
    if (entry.path().filename().string().starts_with("libonnxruntime.so")) return entry.path();
  }
  return {};
}

class RealOnnxRuntime : public ::testing::Test {
 protected:
  void SetUp() override {
    if (library_.empty())
      GTEST_SKIP()
          << "SKIPPED: no ONNX Runtime (set LICHEN_ONNXRUNTIME to its libonnxruntime.so, or run ./bench engine once)";
  }
  Result<std::unique_ptr<Runner>> load(std::string_view backend, const std::filesystem::path& path,
                                       const LoadOptions& options = {}) {
    file_ = testing::read_file(path);
    return backends::load(*named(backend).value(), {path.string(), file_, path.string()}, options,
                          {libraries_, library_});
  }
  std::string library_ = real_library();
  posix::Libraries libraries_;
  Bytes file_;
};

// What a model needs beside its seeded inputs.
struct Model {
  const char* path;
  LoadOptions options{};
  std::int64_t integers = 0;  // value of integer inputs
};

void fill(Runner& runner, std::int64_t integers) {
  for (std::size_t t = 0; t < runner.inputs().size(); ++t) {
    const std::span<std::byte> to = runner.input(t);
    if (runner.inputs()[t].spec.dtype == tensor::DType::kI64) {
      for (std::size_t i = 0; i < to.size() / sizeof integers; ++i)
        std::memcpy(to.data() + i * sizeof integers, &integers, sizeof integers);
      continue;
    }
    ASSERT_EQ(runner.inputs()[t].spec.dtype, tensor::DType::kF32);
    for (std::size_t i = 0; i < to.size() / sizeof(float); ++i) {
      const float value = static_cast<float>(testing::seeded_byte(1, t, i)) / 255.0F;
      std::memcpy(to.data() + i * sizeof(float), &value, sizeof value);
    }
  }
}

TEST_F(RealOnnxRuntime, GivesTheAnswersThatWeGive) {
  LICHEN_NEED_SHARED_DATA(data);
  const Model models[] = {
      {"detection/fastestdet_352.onnx"},
      {"detection/ultraface_slim_320_simplified.onnx"},
      {"onnx_ops/light_squeezenet.onnx"},
      {"onnx_ops/light_inception_v1.onnx"},
      {"vad/silero_vad_16k_op15.onnx", {.input_shapes = {{1, 512}, {2, 1, 128}, {}}}, 16000},
  };
  for (const Model& model : models) {
    const std::filesystem::path path = data / "models" / model.path;
    auto theirs = load("onnxruntime", path, model.options);
    ASSERT_TRUE(theirs) << theirs.error().to_line();
    const Bytes theirs_file = std::move(file_);
    auto ours = load("native", path, model.options);
    ASSERT_TRUE(ours) << ours.error().to_line();
    for (Runner* runner : {theirs->get(), ours->get()}) {
      fill(*runner, model.integers);
      const auto ran = runner->run();
      ASSERT_TRUE(ran) << model.path << ": " << ran.error().to_line();
    }
    ASSERT_EQ((*theirs)->outputs().size(), (*ours)->outputs().size());
    for (std::size_t i = 0; i < (*ours)->outputs().size(); ++i) {
      const engine::TensorInfo& info = (*ours)->outputs()[i];
      EXPECT_EQ((*theirs)->outputs()[i].spec.name, info.spec.name);
      EXPECT_EQ((*theirs)->outputs()[i].spec.shape, info.spec.shape) << model.path;
      const double difference = testing::relative_difference(testing::floats_of((*ours)->output(i)),
                                                             testing::floats_of((*theirs)->output(i)));
      EXPECT_LE(difference, 1e-4) << model.path << ", " << info.spec.name;
      RecordProperty(std::string(model.path) + " " + info.spec.name, std::to_string(difference));
      std::printf("%s, %s: %.2g\n", model.path, info.spec.name.c_str(), difference);
    }
  }
}

TEST_F(RealOnnxRuntime, ReadsAModelFromMemoryAsWell) {
  LICHEN_NEED_SHARED_DATA(data);
  const Bytes file = testing::read_file(data / "models/onnx_ops/light_squeezenet.onnx");
  auto runner = backends::load(*named("onnxruntime").value(), {"m.onnx", file}, {}, {libraries_, library_});
  ASSERT_TRUE(runner) << runner.error().to_line();
  EXPECT_TRUE((*runner)->run());
  EXPECT_EQ((*runner)->engine().version.substr(0, 2), "1.");
}

// Late as soon as the engine has begun: of its own clock, the runner asks once before that.
class SuddenlyLate final : public ports::Clock {
 public:
  [[nodiscard]] TimeNs now_ns() const override { return asked_++ == 0 ? 1 : kSecondNs; }
  [[nodiscard]] std::int64_t wall_s() const override { return 0; }

 private:
  mutable std::atomic<int> asked_{0};
};

TEST_F(RealOnnxRuntime, StopsBetweenNodesAtItsDeadlineAndRunsAgainAfterThat) {
  LICHEN_NEED_SHARED_DATA(data);
  auto runner = load("onnxruntime", data / "models/onnx_ops/light_inception_v1.onnx");
  ASSERT_TRUE(runner) << runner.error().to_line();
  int stopped = 0;
  for (int run = 0; run < 20 && stopped == 0; ++run) {  // a fast machine may be done before the watch looks
    const SuddenlyLate clock;
    const auto ran = (*runner)->run({.clock = &clock, .deadline_ns = kSecondNs});
    if (ran) continue;
    EXPECT_EQ(ran.error().code, Code::kDeadlineExceeded) << ran.error().to_line();
    ++stopped;
  }
  EXPECT_GT(stopped, 0);
  const auto again = (*runner)->run();
  EXPECT_TRUE(again) << again.error().to_line();
}

TEST_F(RealOnnxRuntime, RefusesWhatIsNoModelWithItsOwnWords) {
  const Bytes garbage(100, std::byte{0x5A});
  const auto runner = backends::load(*named("onnxruntime").value(), {"m.onnx", garbage}, {}, {libraries_, library_});
  ASSERT_FALSE(runner);
  EXPECT_EQ(runner.error().code, Code::kBadInput) << runner.error().to_line();
  EXPECT_NE(runner.error().why.find("ONNX Runtime: "), std::string::npos);
  EXPECT_EQ(runner.error().to_line().find('\n'), std::string::npos);
}

TEST_F(RealOnnxRuntime, TakesOtherSizesWhereAModelLeavesThemOpenAndRefusesThemElsewhere) {
  LICHEN_NEED_SHARED_DATA(data);
  auto open =
      load("onnxruntime", data / "models/vad/silero_vad_16k_op15.onnx", {.input_shapes = {{3, 512}, {2, 3, 128}, {}}});
  ASSERT_TRUE(open) << open.error().to_line();
  fill(**open, 16000);
  ASSERT_TRUE((*open)->run());
  EXPECT_EQ((*open)->outputs()[0].spec.shape[0], 3);
  const auto fixed =
      load("onnxruntime", data / "models/onnx_ops/light_squeezenet.onnx", {.input_shapes = {{2, 3, 224, 224}}});
  ASSERT_FALSE(fixed);
  EXPECT_EQ(fixed.error().code, Code::kBadInput);
}

}  // namespace
}  // namespace lichen::backends
