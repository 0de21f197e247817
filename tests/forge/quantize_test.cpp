// SPDX-License-Identifier: Apache-2.0
// A float model and its integer form answer alike: on real digits, and on a graph with every op that is quantized.
#include "forge/quantize.hpp"

#include <cmath>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "digits.hpp"
#include "engine/adapter.hpp"
#include "engine/session.hpp"
#include "every_op.hpp"
#include "formats/tflite.hpp"
#include "graph/verify.hpp"
#include "learn/random_features.hpp"
#include "learn/scores.hpp"

namespace lichen::forge {
namespace {

using lichen::testing::every_op;
using lichen::testing::every_op_samples;
using lichen::testing::sample_of;
using ::testing::HasSubstr;

std::vector<Bytes> samples_of(const learn::LabelledData& data, std::size_t count) {
  std::vector<Bytes> samples;
  for (std::size_t i = 0; i < count; ++i) samples.push_back(sample_of(data.row(i)));
  return samples;
}

// Runs a model of any border on f32 inputs.
class Runner {
 public:
  explicit Runner(const graph::Graph& graph) : graph_(graph), session_(*engine::Session::create(graph_, {})) {
    std::vector<tensor::TensorSpec> in;
    std::vector<tensor::TensorSpec> out;
    for (const auto& info : session_->inputs()) in.push_back({info.spec.name, tensor::DType::kF32, info.spec.shape});
    for (const auto& info : session_->outputs()) out.push_back({info.spec.name, tensor::DType::kF32, info.spec.shape});
    adapter_ = *engine::Adapter::create(*session_, in, out);
  }
  std::vector<float> run(ByteView sample) {
    EXPECT_TRUE(adapter_->load(sample, *session_));
    EXPECT_TRUE(session_->run());
    std::vector<float> answer(adapter_->answer_bytes() / sizeof(float));
    adapter_->store(*session_, std::as_writable_bytes(std::span(answer)));
    return answer;
  }
  double accuracy(const learn::LabelledData& data) {
    learn::Confusion confusion(10);
    for (std::size_t i = 0; i < data.rows(); ++i) {
      confusion.add(data.labels[i], learn::top1(run(std::as_bytes(data.row(i)))));
    }
    return confusion.accuracy();
  }

 private:
  const graph::Graph& graph_;
  std::unique_ptr<engine::Session> session_;
  std::optional<engine::Adapter> adapter_;
};

const graph::Graph& digits_network() {
  static const graph::Graph graph = *learn::fit_random_features(lichen::testing::digits_split().train, {8, 8, 1}, {});
  return graph;
}

TEST(Quantize, DigitsLoseLessThanHalfAPercent) {
  const learn::Split& parts = lichen::testing::digits_split();
  const auto integer = quantize_int8(digits_network(), samples_of(parts.train, 200), {});
  ASSERT_TRUE(integer) << integer.error().to_line();
  const double before = Runner(digits_network()).accuracy(parts.held_out);
  const double after = Runner(*integer).accuracy(parts.held_out);
  RecordProperty("float", std::to_string(before));
  RecordProperty("int8", std::to_string(after));
  EXPECT_GE(after, before - 0.005);
}

TEST(Quantize, EveryComputedTensorIsInt8) {
  const auto integer = quantize_int8(digits_network(), samples_of(lichen::testing::digits(), 50), {});
  ASSERT_TRUE(integer);
  for (const graph::Node& node : integer->nodes) {
    EXPECT_EQ(integer->tensor(node.outputs[0]).spec.dtype, tensor::DType::kI8) << node.name;
  }
  const graph::Tensor& out = integer->tensor(integer->outputs[0]);
  EXPECT_EQ(out.spec.name, "probabilities");
  EXPECT_EQ(out.quantization, tensor::per_tensor(1.0F / 256, -128));
  EXPECT_EQ(integer->tensor(integer->inputs[0]).spec.name, "image");
}

TEST(Quantize, SurvivesBeingWrittenAndReadAsTflite) {
  const learn::LabelledData& held_out = lichen::testing::digits_split().held_out;
  for (const Border border : {Border::kInt8, Border::kFloat}) {
    const auto integer = quantize_int8(digits_network(), samples_of(held_out, 100), {border});
    ASSERT_TRUE(integer);
    const auto file = formats::write_tflite(*integer);
    ASSERT_TRUE(file) << file.error().to_line();
    const auto again = formats::read_tflite(*file, "again");
    ASSERT_TRUE(again) << again.error().to_line();
    Runner a(*integer);
    Runner b(*again);
    for (std::size_t i = 0; i < 50; ++i) {
      EXPECT_EQ(a.run(std::as_bytes(held_out.row(i))), b.run(std::as_bytes(held_out.row(i))));
    }
  }
}

TEST(Quantize, AFloatBorderAnswersAsAnInt8BorderBehindAnAdapter) {
  const learn::LabelledData& data = lichen::testing::digits();
  const auto inner = quantize_int8(digits_network(), samples_of(data, 50), {Border::kInt8});
  const auto outer = quantize_int8(digits_network(), samples_of(data, 50), {Border::kFloat});
  ASSERT_TRUE(inner && outer);
  EXPECT_EQ(outer->tensor(outer->inputs[0]).spec.dtype, tensor::DType::kF32);
  EXPECT_EQ(outer->tensor(outer->inputs[0]).spec.name, "image");
  EXPECT_EQ(outer->tensor(outer->outputs[0]).spec.dtype, tensor::DType::kF32);
  Runner a(*inner);
  Runner b(*outer);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(a.run(std::as_bytes(data.row(i))), b.run(std::as_bytes(data.row(i))));
  }
}

TEST(Quantize, TheSameSamplesGiveTheSameFile) {
  const auto file = [] {
    return *formats::write_tflite(*quantize_int8(digits_network(), samples_of(lichen::testing::digits(), 20), {}));
  };
  EXPECT_EQ(file(), file());
}

TEST(Quantize, EveryOpStaysNearItsFloatAnswer) {
  const graph::Graph model = every_op();
  ASSERT_TRUE(graph::verify(model)) << graph::verify(model).error().to_line();
  const std::vector<Bytes> samples = every_op_samples();
  const auto integer = quantize_int8(model, samples, {});
  ASSERT_TRUE(integer) << integer.error().to_line();
  Runner a(model);
  Runner b(*integer);
  double worst = 0;
  for (const Bytes& sample : samples) {
    const std::vector<float> want = a.run(sample);
    const std::vector<float> got = b.run(sample);
    for (std::size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(double{want[i]} - double{got[i]}));
  }
  RecordProperty("worst", std::to_string(worst));
  EXPECT_LT(worst, 0.02);
}

TEST(Quantize, EveryWeightedNodeGetsABiasBecauseLiteRTInsistsOnOne) {
  const auto integer = quantize_int8(every_op(), every_op_samples(), {});
  ASSERT_TRUE(integer);
  for (const graph::Node& node : integer->nodes) {
    if (node.op != graph::Op::kConv2D && node.op != graph::Op::kFullyConnected) continue;
    ASSERT_EQ(node.inputs.size(), 3u) << node.name;
    EXPECT_EQ(integer->tensor(node.inputs[2]).spec.dtype, tensor::DType::kI32) << node.name;
  }
}

TEST(Quantize, RefusesSamplesThatAreNotTheModelsInputs) {
  const auto error = [](std::vector<Bytes> samples) {
    const auto integer = quantize_int8(digits_network(), samples, {});
    return integer ? "no error" : integer.error().to_line();
  };
  EXPECT_THAT(error({}), HasSubstr("no samples"));
  EXPECT_THAT(error({Bytes(255)}), HasSubstr("sample 0: 255 bytes"));
  EXPECT_THAT(error({Bytes(256), Bytes(257)}), HasSubstr("sample 1: 257 bytes"));
  std::vector<float> nan(64, 0.0F);
  nan[5] = std::nanf("");
  EXPECT_THAT(error({Bytes(256), sample_of(nan)}), HasSubstr("'image', sample 1: a value that is not finite"));
}

TEST(Quantize, RefusesAModelThatIsIntegerAlready) {
  const auto samples = samples_of(lichen::testing::digits(), 10);
  const auto integer = quantize_int8(digits_network(), samples, {});
  ASSERT_TRUE(integer);
  const auto twice = quantize_int8(*integer, samples, {});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::kUnsupported);
  const auto inside = quantize_int8(*quantize_int8(digits_network(), samples, {Border::kFloat}), samples, {});
  ASSERT_FALSE(inside);
  EXPECT_EQ(inside.error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace lichen::forge
