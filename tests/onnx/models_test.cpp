// SPDX-License-Identifier: Apache-2.0
// Whole models: real ones against ONNX Runtime's answers (golden/make.py), ONNX's light ones, and models of TFLite after
// they were written as ONNX.
#include <algorithm>

#include <gtest/gtest.h>

#include "formats/tflite.hpp"
#include "onnx/onnx.hpp"
#include "support.hpp"
#include "tensor/npy.hpp"

namespace lichen {
namespace {

using namespace lichen::testing;

struct Loaded {
  graph::Graph graph;
  std::unique_ptr<engine::Session> session;
};

Loaded load_onnx(ByteView file, const std::string& name, const engine::SessionOptions& options = {}) {
  auto graph = formats::read_onnx(file, name);
  EXPECT_TRUE(graph.has_value()) << graph.error().to_line();
  if (!graph) return {};
  auto session = engine::Session::create(*graph, options);
  EXPECT_TRUE(session.has_value()) << session.error().to_line();
  if (!session) return {};
  return {*std::move(graph), *std::move(session)};
}

// The elements that golden/make.py keeps.
std::vector<float> some(std::span<const float> values) {
  constexpr std::size_t kElementsMax = 512;
  const std::size_t step = std::max<std::size_t>(1, (values.size() + kElementsMax - 1) / kElementsMax);
  std::vector<float> kept;
  for (std::size_t i = 0; i < values.size(); i += step) kept.push_back(values[i]);
  return kept;
}

void expect_golden(engine::Session& session, const std::string& model, std::size_t step) {
  for (std::size_t i = 0; i < session.outputs().size(); ++i) {
    const auto path = source_dir() / "tests/onnx/golden" / (model + "." + std::to_string(step) + "." + std::to_string(i) + ".npy");
    const Bytes file = read_file(path);
    const auto wanted = tensor::read_npy(file, path.string());
    ASSERT_TRUE(wanted.has_value()) << wanted.error().to_line();
    const std::vector<float> got = some(floats_of(session.output(i)));
    const auto expected = wanted->data.as<float>();
    ASSERT_EQ(got.size(), expected.size()) << session.outputs()[i].spec.shape.to_text();
    EXPECT_LT(relative_difference(got, expected), 1e-4) << model << ", step " << step << ", output " << i;
  }
}

void expect_image_model(const std::filesystem::path& path, float low, float high) {
  const Bytes file = read_file(path);
  const Loaded model = load_onnx(file, path.filename().string());
  ASSERT_NE(model.session, nullptr);
  for (std::size_t step = 0; step < 2; ++step) {
    fill_seeded(*model.session, step, low, high);
    const auto ran = model.session->run();
    ASSERT_TRUE(ran.has_value()) << ran.error().to_line();
    expect_golden(*model.session, path.stem().string(), step);
  }
}

TEST(OnnxModels, FastestDetGivesTheAnswersOfOnnxRuntime) {
  LICHEN_NEED_SHARED_DATA(data);
  expect_image_model(data / "models/detection/fastestdet_352.onnx", 0, 1);
}

TEST(OnnxModels, UltraFaceGivesTheAnswersOfOnnxRuntime) {
  LICHEN_NEED_SHARED_DATA(data);
  expect_image_model(data / "models/detection/ultraface_slim_320_simplified.onnx", -1, 1);
}

TEST(OnnxModels, SileroGivesTheAnswersOfOnnxRuntimeWhileItsStateIsFedBack) {
  LICHEN_NEED_SHARED_DATA(data);
  const Bytes file = read_file(data / "models/vad/silero_vad_16k_op15.onnx");
  const Loaded model = load_onnx(file, "silero_vad_16k_op15", {.input_shapes = {{1, 576}, {2, 1, 128}, {}}});
  ASSERT_NE(model.session, nullptr);
  engine::Session& session = *model.session;
  std::vector<std::byte> state(session.input(1).size());
  for (std::size_t step = 0; step < 3; ++step) {
    for (std::size_t i = 0; i < 576; ++i) {
      const float value = static_cast<float>(seeded_byte(step, 0, i)) * (1.0F / 255.0F) - 0.5F;
      std::memcpy(session.input(0).data() + i * sizeof value, &value, sizeof value);
    }
    std::ranges::copy(state, session.input(1).begin());
    const std::int64_t rate = 16000;
    std::memcpy(session.input(2).data(), &rate, sizeof rate);
    const auto ran = session.run();
    ASSERT_TRUE(ran.has_value()) << ran.error().to_line();
    expect_golden(session, "silero_vad_16k_op15", step);
    ASSERT_EQ(session.output(1).size(), state.size());
    std::ranges::copy(session.output(1), state.begin());
  }
}

// Their weights are all made by ConstantOfShape: structure and memory are tested, not arithmetic. Logits grow to 1e21,
// where the last bit of a sum decides the softmax. All weights of a layer are equal, so its sums must be: a channel's sum
// may not depend on where the channel stands.
void expect_even_softmax(const std::filesystem::path& path, bool reference) {
  const Bytes file = read_file(path);
  engine::SessionOptions options;
  options.reference_kernels_only = reference;
  const Loaded model = load_onnx(file, path.filename().string(), options);
  ASSERT_NE(model.session, nullptr);
  const std::size_t count = model.session->input(0).size() / sizeof(float);
  for (std::size_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(i) / static_cast<float>(count);
    std::memcpy(model.session->input(0).data() + i * sizeof value, &value, sizeof value);
  }
  const auto ran = model.session->run();
  ASSERT_TRUE(ran.has_value()) << ran.error().to_line();
  const std::vector<float> y = floats_of(model.session->output(0));
  ASSERT_EQ(y.size(), 1000u);
  for (const float value : y) EXPECT_NEAR(value, 0.001F, 1e-6F);
}

TEST(OnnxModels, LightSqueezeNetGivesAnEvenSoftmax) {
  LICHEN_NEED_SHARED_DATA(data);
  for (const bool reference : {true, false}) expect_even_softmax(data / "models/onnx_ops/light_squeezenet.onnx", reference);
}

TEST(OnnxModels, LightInceptionGivesAnEvenSoftmax) {
  LICHEN_NEED_SHARED_DATA(data);
  for (const bool reference : {true, false}) expect_even_softmax(data / "models/onnx_ops/light_inception_v1.onnx", reference);
}

// A .tflite model, and what it is after write_onnx() and read_onnx(), on the same seeded inputs.
struct Converted {
  const char* path;
  float low, high;
  double tolerance;  // of f32: relative; of integers: units of the last place
};

void PrintTo(const Converted& model, std::ostream* out) {
  *out << model.path;
}

class TfliteAsOnnx : public ::testing::TestWithParam<Converted> {};

double largest_difference(const engine::TensorInfo& info, ByteView a, ByteView b) {
  if (info.spec.dtype == tensor::DType::kF32) return relative_difference(floats_of(a), floats_of(b));
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool is_signed = info.spec.dtype == tensor::DType::kI8;
    const auto value = [&](std::byte byte) {
      return is_signed ? static_cast<int>(static_cast<std::int8_t>(byte)) : static_cast<int>(byte);
    };
    largest = std::max(largest, static_cast<double>(std::abs(value(a[i]) - value(b[i]))));
  }
  return largest;
}

TEST_P(TfliteAsOnnx, GivesTheSameAnswers) {
  LICHEN_NEED_SHARED_DATA(data);
  const Bytes file = read_file(data / "models" / GetParam().path);
  const auto graph = formats::read_tflite(file, GetParam().path);
  ASSERT_TRUE(graph.has_value()) << graph.error().to_line();
  const auto written = formats::write_onnx(*graph);
  ASSERT_TRUE(written.has_value()) << written.error().to_line();
  const Loaded as_onnx = load_onnx(*written, "written.onnx");
  ASSERT_NE(as_onnx.session, nullptr);
  const auto as_tflite = engine::Session::create(*graph, {});
  ASSERT_TRUE(as_tflite.has_value()) << as_tflite.error().to_line();
  for (const std::size_t sample : {std::size_t{0}, std::size_t{1}}) {
    for (auto* session : {as_onnx.session.get(), as_tflite->get()}) {
      fill_seeded(*session, sample, GetParam().low, GetParam().high);
      const auto ran = session->run();
      ASSERT_TRUE(ran.has_value()) << ran.error().to_line();
    }
    ASSERT_EQ(as_onnx.session->outputs().size(), (*as_tflite)->outputs().size());
    for (std::size_t i = 0; i < (*as_tflite)->outputs().size(); ++i) {
      const engine::TensorInfo& info = (*as_tflite)->outputs()[i];
      ASSERT_EQ(as_onnx.session->outputs()[i].spec.dtype, info.spec.dtype);
      ASSERT_EQ(as_onnx.session->outputs()[i].spec.shape, info.spec.shape);
      EXPECT_LE(largest_difference(info, as_onnx.session->output(i), (*as_tflite)->output(i)), GetParam().tolerance);
    }
  }
}

// Runs a graph and what it is after it was written and read again.
void expect_same_after_writing(const graph::Graph& graph, double tolerance) {
  const auto written = formats::write_onnx(graph);
  ASSERT_TRUE(written.has_value()) << written.error().to_line();
  const Loaded as_onnx = load_onnx(*written, "written.onnx");
  ASSERT_NE(as_onnx.session, nullptr);
  const auto before = engine::Session::create(graph, {});
  ASSERT_TRUE(before.has_value()) << before.error().to_line();
  for (auto* session : {as_onnx.session.get(), before->get()}) {
    for (std::size_t i = 0; i < session->input(0).size(); ++i)
      session->input(0)[i] = i % 2 == 0 ? static_cast<std::byte>(seeded_byte(1, 0, i)) : std::byte{0};
    ASSERT_TRUE(session->run());
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const engine::TensorInfo& info = (*before)->outputs()[i];
    EXPECT_LE(largest_difference(info, as_onnx.session->output(i), (*before)->output(i)), tolerance) << "output " << i;
  }
}

// Its real value gets the name of the node's output; who reads the integers later must find it there.
TEST(OnnxWriter, WhatADequantizeGaveIsReadAgainByOthers) {
  graph::Graph g;
  g.name = "again";
  const auto q = tensor::per_tensor(0.1F, 3);
  const auto x = g.add("x", tensor::DType::kI8, {1, 8}, q);
  const auto real = g.add("real", tensor::DType::kF32, {1, 8});
  const auto square = g.add("square", tensor::DType::kI8, {1, 8}, tensor::per_tensor(1.0F, -100));
  g.nodes.push_back({graph::Op::kDequantize, "d", graph::NoAttributes{}, {x}, {real}});
  g.nodes.push_back({graph::Op::kMul, "m", graph::ElementwiseAttributes{}, {x, x}, {square}});
  g.inputs = {x};
  g.outputs = {real, square};
  expect_same_after_writing(g, 1.0);
}

TEST(OnnxWriter, ABiasOf64BitsBecomesReals) {
  graph::Graph g;
  g.name = "wide";
  const auto x = g.add("x", tensor::DType::kI16, {1, 2}, tensor::per_tensor(0.001F, 0));
  const std::vector<std::int8_t> weights = {10, -20, 30, 40, 50, -60};
  const auto w = g.add_constant("w", {3, 2}, std::span<const std::int8_t>(weights), tensor::per_tensor(0.5F, 0));
  const std::vector<std::int64_t> bias = {1000, -2000, 3000};
  const auto b = g.add({{"b", tensor::DType::kI64, {3}}, tensor::per_tensor(0.0005F, 0),
                        tensor::Data::copy_of(std::span<const std::int64_t>(bias))});
  const auto y = g.add("y", tensor::DType::kI16, {1, 3}, tensor::per_tensor(0.1F, 0));
  const auto real = g.add("real", tensor::DType::kF32, {1, 3});
  g.nodes.push_back({graph::Op::kFullyConnected, "f", graph::FullyConnectedAttributes{}, {x, w, b}, {y}});
  g.nodes.push_back({graph::Op::kDequantize, "d", graph::NoAttributes{}, {y}, {real}});
  g.inputs = {x};
  g.outputs = {real};
  expect_same_after_writing(g, 0.01);
}

INSTANTIATE_TEST_SUITE_P(All, TfliteAsOnnx,
                         ::testing::Values(Converted{"kws/kws_ref_float32.tflite", -100, 60, 1e-4},
                                           Converted{"vww/vww_96_float.tflite", 0, 1, 1e-4},
                                           Converted{"ic/resnet8_float.tflite", 0, 255, 1e-4},
                                           Converted{"ad/ad01_fp32.tflite", -80, 20, 1e-4},
                                           Converted{"sequence/hello_world_float.tflite", 0, 6.25F, 1e-4},
                                           Converted{"kws/kws_ref_int8.tflite", 0, 0, 2},
                                           Converted{"vww/vww_96_int8.tflite", 0, 0, 4},
                                           Converted{"vww/person_detect_int8.tflite", 0, 0, 4},
                                           Converted{"ic/resnet8_int8.tflite", 0, 0, 4},
                                           Converted{"ad/ad01_int8.tflite", 0, 0, 2}),
                         [](const auto& instance) {
                           std::string name = instance.param.path;
                           std::ranges::replace_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace lichen
