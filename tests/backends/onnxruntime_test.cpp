// SPDX-License-Identifier: Apache-2.0
// The adapter to ONNX Runtime over a library that follows a script (fake_onnxruntime.cpp): what goes well, and every
// way in which the library can be missing, strange, or fail.
#include "backends/onnxruntime/onnxruntime.hpp"

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "backends/onnxruntime/ort_api.h"
#include "posix/library.hpp"

namespace lichen::backends::onnxruntime {
namespace {

constexpr const char* kDoubles = "input x 1 2 3\noutput y 1 2 3\n";
constexpr const char* kOpen = "input x 1 -1 3\ninput k 7\noutput y 1 -1 3\n";

// Remembers what it was asked for and has nothing.
class NoLibraries final : public ports::Libraries {
 public:
  Result<void*> find(const std::string& file, const char*) override {
    asked.push_back(file);
    return fail(Code::kNotFound, "cannot load library", file, "no " + file);
  }
  std::vector<std::string> asked;
};

class HandClock final : public ports::Clock {
 public:
  [[nodiscard]] TimeNs now_ns() const override { return now; }
  [[nodiscard]] std::int64_t wall_s() const override { return 0; }
  std::atomic<TimeNs> now{1};
};

class OnnxRuntime : public ::testing::Test {
 protected:
  void SetUp() override { alive_before_ = alive(); }
  void TearDown() override {
    runner_.reset();
    EXPECT_EQ(alive(), alive_before_) << "objects of the library were not released";
  }

  long alive() { return reinterpret_cast<long (*)()>(*libraries_.find(FAKE, "fake_alive"))(); }
  Result<void> load(std::string script, const LoadOptions& options = {}, const char* library = FAKE) {
    script_ = std::move(script);
    runner_.reset();
    auto made = onnxruntime::load({"script.onnx", bytes_of(script_)}, options, {libraries_, library});
    if (!made) return std::unexpected(made.error());
    runner_ = *std::move(made);
    return {};
  }
  Error load_error(std::string script, const LoadOptions& options = {}, const char* library = FAKE) {
    const auto loaded = load(std::move(script), options, library);
    EXPECT_FALSE(loaded);
    return loaded ? Error{} : loaded.error();
  }
  void fill(std::initializer_list<float> values) {
    ASSERT_EQ(runner_->input(0).size(), values.size() * sizeof(float));
    std::memcpy(runner_->input(0).data(), std::data(values), values.size() * sizeof(float));
  }
  [[nodiscard]] std::vector<float> answer() const {
    std::vector<float> values(runner_->output(0).size() / sizeof(float));
    std::memcpy(values.data(), runner_->output(0).data(), values.size() * sizeof(float));
    return values;
  }

  posix::Libraries libraries_;
  std::string script_;
  std::unique_ptr<Runner> runner_;

 private:
  long alive_before_ = 0;
};

TEST_F(OnnxRuntime, RunsAModelAndTellsWhatItIs) {
  ASSERT_TRUE(load(kDoubles));
  EXPECT_EQ(runner_->engine().name, "onnxruntime");
  EXPECT_EQ(runner_->engine().version, "1.99.0");
  ASSERT_EQ(runner_->inputs().size(), 1U);
  EXPECT_EQ(runner_->inputs()[0].spec.name, "x");
  EXPECT_EQ(runner_->inputs()[0].spec.shape, (tensor::Shape{2, 3}));
  EXPECT_EQ(runner_->outputs()[0].spec.name, "y");
  EXPECT_TRUE(runner_->output(0).empty());  // nothing ran yet
  fill({1, 2, 3, 4, 5, 6});
  ASSERT_TRUE(runner_->run());
  EXPECT_EQ(answer(), (std::vector<float>{2, 4, 6, 8, 10, 12}));
  fill({0, 0, 0, 0, 0, -1});
  ASSERT_TRUE(runner_->run());
  EXPECT_EQ(answer().back(), -2);
  EXPECT_TRUE(runner_->nodes().empty());
  EXPECT_FALSE(runner_->memory().has_value());
}

TEST_F(OnnxRuntime, InputsBeginAsZerosAtACacheLine) {
  ASSERT_TRUE(load(kDoubles));
  for (const std::byte b : runner_->input(0)) EXPECT_EQ(b, std::byte{0});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(runner_->input(0).data()) % 64, 0U);
}

TEST_F(OnnxRuntime, EveryElementTypeOfOursIsKnownAndOthersAreUnsupported) {
  const std::pair<int, tensor::DType> known[] = {{kOrtFloat, tensor::DType::kF32}, {kOrtFloat16, tensor::DType::kF16},
                                                 {kOrtInt8, tensor::DType::kI8},   {kOrtUint8, tensor::DType::kU8},
                                                 {kOrtInt16, tensor::DType::kI16}, {kOrtInt32, tensor::DType::kI32},
                                                 {kOrtInt64, tensor::DType::kI64}, {kOrtBool, tensor::DType::kBool}};
  for (const auto& [element, dtype] : known) {
    ASSERT_TRUE(load("input x " + std::to_string(element) + " 4\noutput y 1 4\n")) << element;
    EXPECT_EQ(runner_->inputs()[0].spec.dtype, dtype);
    EXPECT_EQ(runner_->input(0).size(), 4 * tensor::size_of(dtype));
  }
  const Error error = load_error("input price 11 4\noutput y 1 4\n");  // f64
  EXPECT_EQ(error.code, Code::kUnsupported);
  EXPECT_NE(error.to_line().find("price"), std::string::npos) << error.to_line();
}

TEST_F(OnnxRuntime, OpenSizesAreOneOrThoseOfTheDataOrThoseAskedFor) {
  ASSERT_TRUE(load(kOpen));
  EXPECT_EQ(runner_->inputs()[0].spec.shape, (tensor::Shape{1, 3}));
  EXPECT_EQ(runner_->inputs()[1].spec.shape, tensor::Shape{});
  EXPECT_FALSE(runner_->outputs()[0].spec.shape.known());
  ASSERT_TRUE(load(kOpen, {.data_shapes = {{4, 3}}}));
  EXPECT_EQ(runner_->inputs()[0].spec.shape, (tensor::Shape{4, 3}));
  ASSERT_TRUE(load(kOpen, {.data_shapes = {{4, 5}}}));  // the model fixes the 3
  EXPECT_EQ(runner_->inputs()[0].spec.shape, (tensor::Shape{1, 3}));
  ASSERT_TRUE(load(kOpen, {.input_shapes = {{2, 3}, {}}, .data_shapes = {{4, 3}}}));
  EXPECT_EQ(runner_->inputs()[0].spec.shape, (tensor::Shape{2, 3}));
  ASSERT_TRUE(runner_->run());
  EXPECT_EQ(runner_->outputs()[0].spec.shape, (tensor::Shape{2, 3}));
}

TEST_F(OnnxRuntime, ShapesThatDoNotFitAreRefusedWithBoth) {
  const Error wrong = load_error(kOpen, {.input_shapes = {{2, 4}, {}}});
  EXPECT_EQ(wrong.code, Code::kBadInput);
  for (const char* word : {"script.onnx", "x", "[?, 3]", "[2, 4]"})
    EXPECT_NE(wrong.to_line().find(word), std::string::npos) << wrong.to_line();
  EXPECT_EQ(load_error(kOpen, {.input_shapes = {{2, 3}}}).code, Code::kBadInput);         // one of two
  EXPECT_EQ(load_error(kOpen, {.input_shapes = {{2, 3, 1}, {}}}).code, Code::kBadInput);  // another rank
}

TEST_F(OnnxRuntime, ResizingMakesNewInputsAndAnErrorLeavesTheOldOnes) {
  ASSERT_TRUE(load(kOpen));
  fill({1, 2, 3});
  const tensor::Shape wrong[] = {{2, 4}, {}};
  EXPECT_EQ(runner_->resize(wrong).error().code, Code::kBadInput);
  ASSERT_TRUE(runner_->run());
  EXPECT_EQ(answer(), (std::vector<float>{2, 4, 6}));
  const tensor::Shape larger[] = {{2, 3}, {}};
  ASSERT_TRUE(runner_->resize(larger));
  EXPECT_TRUE(runner_->output(0).empty());
  fill({1, 2, 3, 4, 5, 6});
  ASSERT_TRUE(runner_->run());
  EXPECT_EQ(answer().back(), 12);
}

TEST_F(OnnxRuntime, AnOutputIsWhatARunGaveWhateverWasDeclared) {
  ASSERT_TRUE(load("input x 1 2 3\noutput y 1 2 3\ngive 6 1\n"));
  EXPECT_EQ(runner_->outputs()[0].spec.shape, (tensor::Shape{2, 3}));
  ASSERT_TRUE(runner_->run());
  EXPECT_EQ(runner_->outputs()[0].spec.shape, (tensor::Shape{6, 1}));
  ASSERT_TRUE(load("input x 1 2 3\noutput y 1 -1 4\ngive 0 4\n"));
  ASSERT_TRUE(runner_->run());
  EXPECT_EQ(runner_->outputs()[0].spec.shape, (tensor::Shape{0, 4}));
  EXPECT_TRUE(runner_->output(0).empty());
}

TEST_F(OnnxRuntime, WhatIsNoTensorIsUnsupportedByName) {
  const Error error = load_error("input x 1 2\noutput scores 1 2\noutput_is_no_tensor\n");
  EXPECT_EQ(error.code, Code::kUnsupported);
  EXPECT_NE(error.to_line().find("output scores"), std::string::npos) << error.to_line();
  EXPECT_EQ(load_error("input x 1 1 1 1 1 1 1 1 1 1\noutput y 1 2\n").code, Code::kUnsupported);  // nine axes
}

TEST_F(OnnxRuntime, AnOutputWithoutAValueIsAnErrorOfTheRun) {
  ASSERT_TRUE(load("input x 1 2\noutput y 1 2\nno_value\n"));
  const auto ran = runner_->run();
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().to_line().find("y"), std::string::npos);
  EXPECT_TRUE(runner_->output(0).empty());
}

TEST_F(OnnxRuntime, ItsErrorsKeepTheirMeaningAndTheirWordsOnOneLine) {
  const std::pair<int, Code> codes[] = {
      {kOrtFail, Code::kUnavailable},           {kOrtInvalidArgument, Code::kBadInput},
      {kOrtNoSuchFile, Code::kNotFound},        {kOrtRuntimeException, Code::kBadInput},
      {kOrtInvalidProtobuf, Code::kBadInput},   {kOrtInvalidGraph, Code::kBadInput},
      {kOrtNotImplemented, Code::kUnsupported}, {77, Code::kUnavailable}};
  for (const auto& [theirs, ours] : codes) {
    const std::string failing = " " + std::to_string(theirs) + " node 3 is odd";
    const Error at_load =
        load_error(std::string(kDoubles) + "fail " + std::to_string(kOrtCreateSessionFromArray) + failing);
    EXPECT_EQ(at_load.code, ours) << theirs;
    EXPECT_EQ(at_load.where, "script.onnx");
    EXPECT_NE(at_load.why.find("node 3 is odd"), std::string::npos) << at_load.why;
    ASSERT_TRUE(load(std::string(kDoubles) + "fail " + std::to_string(kOrtRun) + failing));
    EXPECT_EQ(runner_->run().error().code, ours) << theirs;
  }
  const Error two_lines = load_error(std::string("fail 8 10 first\rsecond\n"));
  EXPECT_EQ(two_lines.to_line().find_first_of("\r\n"), std::string::npos) << two_lines.to_line();
}

TEST_F(OnnxRuntime, AnErrorBetweenTheSessionAndTheFirstRunIsNoLeak) {
  EXPECT_EQ(load_error(std::string(kDoubles) + "fail " + std::to_string(kOrtSessionGetInputCount) + " 1 x").code,
            Code::kUnavailable);
}

TEST_F(OnnxRuntime, ARunEndsWhenItIsCancelled) {
  ASSERT_TRUE(load(std::string(kDoubles) + "hang\n"));
  std::atomic<bool> cancelled{false};
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    cancelled = true;
  });
  const auto ran = runner_->run({.cancelled = &cancelled});
  other.join();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kUnavailable);
  EXPECT_EQ(ran.error().where, "script.onnx");
  EXPECT_NE(ran.error().why.find("cancelled"), std::string::npos);
}

TEST_F(OnnxRuntime, ARunEndsAtItsDeadlineAndTheNextOneIsNotStoppedByIt) {
  ASSERT_TRUE(load(std::string(kDoubles) + "hang\n"));
  HandClock clock;
  for (int run = 0; run < 3; ++run) {  // a stop that was left over would end the next as an error of the engine
    clock.now = 1;
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      clock.now = kSecondNs;
    });
    const auto ran = runner_->run({.clock = &clock, .deadline_ns = kSecondNs});
    other.join();
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().code, Code::kDeadlineExceeded) << ran.error().to_line();
  }
}

TEST_F(OnnxRuntime, ARunThatWasDoneBeforeItWasStoppedHasItsAnswer) {
  ASSERT_TRUE(load(std::string(kDoubles) + "overrun\n"));
  fill({1, 1, 1, 1, 1, 1});
  HandClock clock;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    clock.now = kSecondNs;
  });
  const auto ran = runner_->run({.clock = &clock, .deadline_ns = kSecondNs});
  other.join();
  ASSERT_TRUE(ran) << ran.error().to_line();
  EXPECT_EQ(answer()[0], 2);
}

TEST_F(OnnxRuntime, ARunThatIsTooLateIsNotBegun) {
  ASSERT_TRUE(load(std::string(kDoubles) + "fail " + std::to_string(kOrtRun) + " 2 it was begun"));
  HandClock clock;
  clock.now = kSecondNs;
  EXPECT_EQ(runner_->run({.clock = &clock, .deadline_ns = kSecondNs}).error().code, Code::kDeadlineExceeded);
  const std::atomic<bool> cancelled{true};
  EXPECT_EQ(runner_->run({.cancelled = &cancelled}).error().code, Code::kUnavailable);
}

TEST_F(OnnxRuntime, ARunWithAFlagThatNobodySetsIsAnOrdinaryRun) {
  ASSERT_TRUE(load(kDoubles));
  const std::atomic<bool> cancelled{false};
  for (int run = 0; run < 20; ++run) ASSERT_TRUE(runner_->run({.cancelled = &cancelled}));
}

TEST_F(OnnxRuntime, ThreadsAreItsOwnAffairWithinLimits) {
  EXPECT_TRUE(load(kDoubles, {.threads = 2}));
  EXPECT_EQ(load_error(kDoubles, {.threads = 0}).code, Code::kUnsupported);
  EXPECT_EQ(load_error(kDoubles, {.threads = 100'000}).code, Code::kUnsupported);
  EXPECT_NE(load_error(kDoubles, {.threads = 7}).why.find("bad luck"), std::string::npos);  // an error of the library
}

TEST_F(OnnxRuntime, ReferenceKernelsAreOursAlone) {
  EXPECT_EQ(load_error(kDoubles, {.reference_kernels_only = true}).code, Code::kUnsupported);
}

TEST_F(OnnxRuntime, AFileOnDiskIsReadByTheLibraryItself) {
  const auto path = std::filesystem::temp_directory_path() / "lichen_backends_test_script.onnx";
  std::ofstream(path) << kDoubles;
  {
    const auto runner = onnxruntime::load({"m.onnx", {}, path.string()}, {}, {libraries_, FAKE});
    ASSERT_TRUE(runner) << runner.error().to_line();
    EXPECT_EQ((*runner)->inputs()[0].spec.name, "x");
  }
  std::filesystem::remove(path);
  EXPECT_EQ(onnxruntime::load({"m.onnx", {}, path.string()}, {}, {libraries_, FAKE}).error().code, Code::kNotFound);
}

TEST_F(OnnxRuntime, AMissingLibraryIsUnsupportedAndSaysWhatToInstallAndHowToNameIt) {
  const Error error = load_error(kDoubles, {}, "/no/such/libonnxruntime.so");
  EXPECT_EQ(error.code, Code::kUnsupported);
  EXPECT_EQ(exit_code_of(error.code), 4);
  for (const char* word : {"/no/such/libonnxruntime.so", "pip install onnxruntime", "LICHEN_ONNXRUNTIME", "--library"})
    EXPECT_NE(error.to_line().find(word), std::string::npos) << error.to_line();
}

TEST_F(OnnxRuntime, WithoutAPathTheUsualNamesAreTriedAndEveryReasonIsGiven) {
  NoLibraries none;
  const auto found = version({none, {}});
  ASSERT_FALSE(found);
  EXPECT_EQ(none.asked, (std::vector<std::string>{"libonnxruntime.so.1", "libonnxruntime.so"}));
  for (const std::string& name : none.asked) EXPECT_NE(found.error().why.find("no " + name), std::string::npos);
  none.asked.clear();
  EXPECT_FALSE(version({none, "mine.so"}));
  EXPECT_EQ(none.asked, std::vector<std::string>{"mine.so"});  // and no other in its place
}

TEST_F(OnnxRuntime, ALibraryOfAnotherVersionIsNotTalkedTo) {
  const Error other = load_error(kDoubles, {}, FAKE_2);
  EXPECT_EQ(other.code, Code::kUnsupported);
  EXPECT_NE(other.to_line().find("2.0.0"), std::string::npos) << other.to_line();
  EXPECT_EQ(load_error(kDoubles, {}, FAKE_MUTE).code, Code::kUnsupported);  // says 1.99.0, and has no such interface
  const Error stranger = load_error(kDoubles, {}, "libm.so.6");
  EXPECT_EQ(stranger.code, Code::kUnsupported);
  EXPECT_NE(stranger.to_line().find("OrtGetApiBase"), std::string::npos) << stranger.to_line();
}

TEST_F(OnnxRuntime, ItsVersionIsToldWithoutAModel) {
  EXPECT_EQ(version({libraries_, FAKE}).value(), "1.99.0");
}

}  // namespace
}  // namespace lichen::backends::onnxruntime
