// SPDX-License-Identifier: Apache-2.0
// What protobuf is given of a file and what stays in it are together the file.
#include "onnx/lean.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "make.hpp"
#include "onnx/onnx.hpp"

namespace {

using namespace lichen;
using namespace lichen::testing;
using formats::LeanModel;
using formats::without_weights;

std::string random_bytes(std::mt19937& random, std::size_t count) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() % 256);
  return bytes;
}

::onnx::ModelProto random_model(std::mt19937& random) {
  ::onnx::ModelProto model = empty_model();
  model.set_producer_name("test");
  add_input(model, "x", {1, 2});
  for (std::size_t i = 0; i < random() % 6; ++i) {
    auto& tensor = *model.mutable_graph()->add_initializer();
    tensor.set_name("w" + std::to_string(i));
    tensor.add_dims(3);
    tensor.set_data_type(1);
    if (random() % 4 > 0) tensor.set_raw_data(random_bytes(random, random() % 4 == 0 ? random() % 300 : random() % 5000));
    if (random() % 4 == 0) tensor.set_doc_string(random_bytes(random, random() % 200));
  }
  add_node(model, "Relu", {"x"}, {"y"});
  add_output(model, "y");
  return model;
}

std::string text(ByteView bytes) {
  return std::string(text_of(bytes));
}

TEST(LeanModel, AndItsWeightsAreTheFile) {
  std::mt19937 random(5);
  std::size_t views = 0;
  for (int round = 0; round < 300; ++round) {
    const ::onnx::ModelProto model = random_model(random);
    const std::string file = model.SerializeAsString();
    const LeanModel lean = without_weights(bytes_of(file));
    ::onnx::ModelProto parsed;
    ASSERT_TRUE(parsed.ParseFromString(lean.message.empty() ? file : text(lean.message)));
    for (std::size_t i = 0; i < lean.weights.size(); ++i) {
      auto& tensor = *parsed.mutable_graph()->mutable_initializer(static_cast<int>(i));
      if (lean.weights[i].empty()) continue;
      ++views;
      EXPECT_FALSE(tensor.has_raw_data());
      EXPECT_GE(lean.weights[i].data(), bytes_of(file).data());
      tensor.set_raw_data(text(lean.weights[i]));
    }
    EXPECT_EQ(parsed.SerializeAsString(), file) << round;
  }
  EXPECT_GT(views, 100U);
}

// A field that is there twice counts as the last one says, even where that is small or nothing.
TEST(LeanModel, TakesTheLastOfTwoRawData) {
  std::mt19937 random(6);
  for (const std::size_t last : {std::size_t{0}, std::size_t{8}, std::size_t{1000}}) {
    const std::string first = random_bytes(random, 2000);
    const std::string second = random_bytes(random, last);
    ::onnx::ModelProto model = empty_model();
    auto& tensor = *model.mutable_graph()->add_initializer();
    tensor.set_raw_data(first);
    ::onnx::TensorProto again;
    again.set_raw_data(second);
    // A tensor with both: parsed messages hold one, so it is put together from bytes.
    const std::string both = tensor.SerializeAsString() + again.SerializeAsString();
    const auto field = [](int number, const std::string& bytes) {
      std::string to(1, static_cast<char>(number << 3 | 2));
      for (std::size_t n = bytes.size();; n >>= 7) {
        to += static_cast<char>(n < 0x80 ? n : (n & 0x7F) | 0x80);
        if (n < 0x80) break;
      }
      return to + bytes;
    };
    const std::string file = field(7, field(5, both));
    const LeanModel lean = without_weights(bytes_of(file));
    ::onnx::ModelProto parsed;
    ASSERT_TRUE(parsed.ParseFromString(lean.message.empty() ? file : text(lean.message)));
    const bool viewed = !lean.weights.empty() && !lean.weights[0].empty();
    EXPECT_EQ(viewed ? text(lean.weights[0]) : parsed.graph().initializer(0).raw_data(), second);
    EXPECT_EQ(viewed, last >= 1000);
  }
}

// Two fields of the model's graph are one graph to protobuf: its initializers are those of both.
TEST(LeanModel, CountsInitializersOverAllGraphFields) {
  std::mt19937 random(7);
  ::onnx::ModelProto a = empty_model();
  a.mutable_graph()->add_initializer()->set_raw_data(random_bytes(random, 300));
  ::onnx::ModelProto b;
  b.mutable_graph()->add_initializer()->set_name("small");
  b.mutable_graph()->add_initializer()->set_raw_data(random_bytes(random, 400));
  const std::string file = a.SerializeAsString() + b.SerializeAsString();
  const LeanModel lean = without_weights(bytes_of(file));
  ASSERT_EQ(lean.weights.size(), 3U);
  EXPECT_EQ(text(lean.weights[0]), a.graph().initializer(0).raw_data());
  EXPECT_TRUE(lean.weights[1].empty());
  EXPECT_EQ(text(lean.weights[2]), b.graph().initializer(1).raw_data());
}

// A kernel of 1 x 1, which lies the same way in both layouts.
::onnx::ModelProto point_conv(const std::string& raw) {
  ::onnx::ModelProto model = empty_model();
  add_input(model, "x", {1, 3, 8, 8});
  auto& weights = *model.mutable_graph()->add_initializer();
  weights.set_name("w");
  for (const int dim : {64, 3, 1, 1}) weights.add_dims(dim);
  weights.set_data_type(1);
  weights.set_raw_data(raw);
  add_node(model, "Conv", {"x", "w"}, {"y"});
  add_output(model, "y");
  return model;
}

// The graph has no copy of them, wherever the file puts them: every alignment comes up.
TEST(LeanModel, LeavesWeightsInTheFile) {
  std::mt19937 random(8);
  const std::string wanted = random_bytes(random, 64 * 3 * sizeof(float));
  const Bytes model = bytes_of_model(point_conv(wanted));
  for (std::size_t shift = 0; shift < sizeof(float); ++shift) {
    Bytes file(shift);
    file.insert(file.end(), model.begin(), model.end());
    const auto graph = formats::read_onnx(ByteView(file).subspan(shift), "model.onnx");
    ASSERT_TRUE(graph.has_value()) << graph.error().to_line();
    std::size_t found = 0;
    for (const graph::Tensor& tensor : graph->tensors) {
      if (!tensor.constant || tensor.spec.shape != tensor::Shape{64, 1, 1, 3}) continue;
      const ByteView stored = tensor.constant->stored().bytes;
      EXPECT_GE(stored.data(), file.data());
      EXPECT_LE(stored.data() + stored.size(), file.data() + file.size());
      EXPECT_EQ(text(stored), wanted);
      EXPECT_EQ(tensor.constant->as<float>().size(), 64U * 3U) << "aligned where elements are asked for";
      EXPECT_EQ(text(tensor.constant->bytes()), wanted);
      ++found;
    }
    EXPECT_EQ(found, 1U);
  }
}

}  // namespace
