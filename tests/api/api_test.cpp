// SPDX-License-Identifier: Apache-2.0
// The public interface as a program of a user has it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/tflite.hpp"
#include "graph/graph.hpp"
#include "lichen/lichen.h"
#include "lichen/lichen.hpp"
#include "onnx/onnx.hpp"

namespace {

using ::testing::HasSubstr;
using lichen::graph::Graph;
using lichen::graph::TensorId;
using lichen::tensor::DType;

// y = x * W with W = diag(1, 2, 3): the largest of (3, 2, 1.5) scaled is the last.
Graph diagonal_graph() {
  Graph g;
  g.name = "diagonal";
  const std::vector<float> weights = {1, 0, 0, 0, 2, 0, 0, 0, 3};
  const TensorId x = g.add("x", DType::kF32, {1, 3});
  const TensorId w = g.add_constant("w", {3, 3}, std::span<const float>(weights));
  const TensorId y = g.add("y", DType::kF32, {1, 3});
  g.nodes.push_back(
      {lichen::graph::Op::kFullyConnected, "layer", lichen::graph::FullyConnectedAttributes{}, {x, w}, {y}});
  g.inputs = {x};
  g.outputs = {y};
  return g;
}
lichen::Bytes diagonal_model() {
  return lichen::formats::write_tflite(diagonal_graph()).value();
}
lichen::Bytes diagonal_onnx() {
  return lichen::formats::write_onnx(diagonal_graph()).value();
}

std::filesystem::path file_of(const lichen::Bytes& bytes, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return path;
}

TEST(CApi, LoadsRunsAndAnswers) {
  const lichen::Bytes file = diagonal_model();
  lichen_error error{};
  lichen_model* model = lichen_model_from_memory(file.data(), file.size(), "diagonal.tflite", &error);
  ASSERT_NE(model, nullptr) << error.text;
  lichen_session* session = lichen_session_create(model, nullptr, &error);
  lichen_model_close(model);  // the session keeps what it needs
  ASSERT_NE(session, nullptr) << error.text;
  ASSERT_EQ(lichen_session_input_count(session), 1U);
  lichen_tensor info{};
  ASSERT_EQ(lichen_session_input_info(session, 0, &info), LICHEN_OK);
  EXPECT_STREQ(info.name, "x");
  EXPECT_EQ(info.type, LICHEN_F32);
  ASSERT_EQ(info.rank, 2);
  EXPECT_EQ(info.dims[1], 3);
  EXPECT_EQ(info.bytes, 12U);
  const float input[] = {3, 2, 1.5F};
  std::memcpy(lichen_session_input(session, 0), input, sizeof input);
  ASSERT_EQ(lichen_session_run(session, 1'000'000, &error), LICHEN_OK) << error.text;
  const auto* output = static_cast<const float*>(lichen_session_output(session, 0));
  EXPECT_EQ(output[0], 3);
  EXPECT_EQ(output[1], 4);
  EXPECT_EQ(output[2], 4.5F);
  lichen_session_close(session);
}

TEST(CApi, ABatchIsAnotherShape) {
  const lichen::Bytes file = diagonal_model();
  lichen_model* model = lichen_model_from_memory(file.data(), file.size(), "diagonal.tflite", nullptr);
  lichen_session* session = lichen_session_create(model, nullptr, nullptr);
  ASSERT_NE(session, nullptr);
  lichen_error error{};
  const std::int64_t dims[] = {2, 3};
  ASSERT_EQ(lichen_session_resize(session, 0, dims, 2, &error), LICHEN_OK) << error.text;
  const float input[] = {1, 1, 1, 2, 2, 2};
  std::memcpy(lichen_session_input(session, 0), input, sizeof input);
  ASSERT_EQ(lichen_session_run(session, 0, &error), LICHEN_OK) << error.text;
  EXPECT_EQ(static_cast<const float*>(lichen_session_output(session, 0))[5], 6);
  const std::int64_t wrong[] = {2, 4};
  EXPECT_EQ(lichen_session_resize(session, 0, wrong, 2, &error), LICHEN_BAD_INPUT);
  EXPECT_THAT(error.text, HasSubstr("diagonal"));
  lichen_session_close(session);
  lichen_model_close(model);
}

TEST(CApi, BadUseIsAnErrorNotACrash) {
  lichen_error error{};
  EXPECT_EQ(lichen_model_open(nullptr, &error), nullptr);
  EXPECT_EQ(error.code, LICHEN_BAD_INPUT);
  EXPECT_EQ(lichen_model_open("/nowhere/model.tflite", &error), nullptr);
  EXPECT_EQ(error.code, LICHEN_NOT_FOUND);
  EXPECT_THAT(error.text, HasSubstr("/nowhere/model.tflite"));
  EXPECT_EQ(lichen_model_from_memory("garbage", 7, "x.tflite", &error), nullptr);
  EXPECT_EQ(error.code, LICHEN_BAD_INPUT);
  EXPECT_EQ(lichen_session_create(nullptr, nullptr, &error), nullptr);
  EXPECT_EQ(lichen_session_run(nullptr, 0, &error), LICHEN_BAD_INPUT);
  EXPECT_EQ(lichen_session_input(nullptr, 0), nullptr);
  lichen_session_reset(nullptr);
  lichen_session_close(nullptr);
  lichen_model_close(nullptr);

  const lichen::Bytes file = diagonal_model();
  lichen_model* model = lichen_model_from_memory(file.data(), file.size(), nullptr, &error);
  const lichen_options options{99};
  EXPECT_EQ(lichen_session_create(model, &options, &error), nullptr);
  EXPECT_EQ(error.code, LICHEN_UNSUPPORTED);
  lichen_session* session = lichen_session_create(model, nullptr, &error);
  lichen_tensor info{};
  EXPECT_EQ(lichen_session_input_info(session, 7, &info), LICHEN_BAD_INPUT);
  EXPECT_EQ(lichen_session_output(session, 7), nullptr);
  lichen_session_close(session);
  lichen_model_close(model);
}

TEST(CppApi, SpansInAndOut) {
  const auto path = file_of(diagonal_model(), "api_diagonal.tflite");
  const auto model = lichen::Model::open(path.string());
  ASSERT_TRUE(model) << model.error().text;
  auto session = lichen::Session::create(*model, {.threads = 2});
  ASSERT_TRUE(session) << session.error().text;
  EXPECT_EQ(session->inputs()[0].dims, (std::vector<std::int64_t>{1, 3}));
  std::ranges::copy(std::array{1.0F, 1.0F, 1.0F}, session->input<float>(0).begin());
  ASSERT_TRUE(session->run(std::chrono::seconds(10)));
  EXPECT_THAT(session->output<float>(0), ::testing::ElementsAre(1.0F, 2.0F, 3.0F));
  EXPECT_TRUE(session->input<float>(3).empty());
}

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[256];
  while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  if (pipe != nullptr) ::pclose(pipe);
  return text;
}

TEST(Examples, GiveTheClass) {
  const auto model = file_of(diagonal_model(), "example_diagonal.tflite");
  const float values[] = {1, 1, 1};
  lichen::Bytes raw(sizeof values);
  std::memcpy(raw.data(), values, sizeof values);
  const auto input = file_of(raw, "example_input.raw");
  for (const char* program : {LICHEN_EXAMPLE_C, LICHEN_EXAMPLE_CPP}) {
    EXPECT_EQ(output_of(std::string(program) + " " + model.string() + " < " + input.string()),
              "class 2, score 3.0000\n");
  }
}

// By the shared library, which loads the reader of .onnx from beside itself; from a folder without it, it says so.
TEST(Examples, ReadOnnxWhereItsReaderIsInstalled) {
  const auto model = file_of(diagonal_onnx(), "example_diagonal.onnx");
  const auto input = file_of(lichen::Bytes(12), "example_zeros.raw");
  const std::string arguments = " " + model.string() + " < " + input.string() + " 2>&1";
  EXPECT_THAT(output_of(LICHEN_EXAMPLE_C + arguments), HasSubstr("class 0, score 0.0000"));

  const auto alone = std::filesystem::path(::testing::TempDir()) / "library_alone";
  std::filesystem::create_directories(alone);
  std::filesystem::copy_file(LICHEN_SHARED_LIBRARY, alone / "liblichen.so.0",
                             std::filesystem::copy_options::overwrite_existing);
  const std::string refusal = output_of("LD_LIBRARY_PATH=" + alone.string() + " " + LICHEN_EXAMPLE_C + arguments);
  EXPECT_THAT(refusal, HasSubstr("install it beside liblichen.so"));
}

TEST(CApi, ReadsOnnxFromMemoryWhateverItIsCalled) {
  const lichen::Bytes file = diagonal_onnx();
  lichen_error error{};
  lichen_model* model = lichen_model_from_memory(file.data(), file.size(), nullptr, &error);
  ASSERT_NE(model, nullptr) << error.text;
  lichen_session* session = lichen_session_create(model, nullptr, &error);
  lichen_model_close(model);
  ASSERT_NE(session, nullptr) << error.text;
  const float input[] = {3, 2, 1.5F};
  std::memcpy(lichen_session_input(session, 0), input, sizeof input);
  ASSERT_EQ(lichen_session_run(session, 0, &error), LICHEN_OK) << error.text;
  EXPECT_EQ(static_cast<const float*>(lichen_session_output(session, 0))[1], 4);
  lichen_session_close(session);

  EXPECT_EQ(lichen_model_from_memory("\x08garbage", 8, "x.onnx", &error), nullptr);
  EXPECT_EQ(error.code, LICHEN_BAD_INPUT) << error.text;
}

TEST(SharedLibrary, ExportsTheInterfaceAndNothingElse) {
  const std::string symbols = output_of(std::string("nm -D --defined-only ") + LICHEN_SHARED_LIBRARY);
  ASSERT_THAT(symbols, HasSubstr("lichen_session_run"));
  std::istringstream lines(symbols);
  for (std::string line; std::getline(lines, line);) EXPECT_THAT(line, HasSubstr(" lichen_"));
}

}  // namespace
