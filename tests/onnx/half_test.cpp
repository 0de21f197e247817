// SPDX-License-Identifier: Apache-2.0
// Models in half precision: types at the borders stay f16, everything between is computed in f32 without rounding.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "make.hpp"
#include "onnx/onnx.hpp"
#include "support.hpp"
#include "tensor/half.hpp"
#include "tensor/npy.hpp"

namespace lichen {
namespace {

using namespace lichen::testing;
using graph::Op;
using tensor::DType;

constexpr std::int32_t kHalf = 10;  // TensorProto.FLOAT16

graph::Graph read_model(const ::onnx::ModelProto& model) {
  const Bytes file = bytes_of_model(model);
  auto graph = formats::read_onnx(file, "half");
  EXPECT_TRUE(graph.has_value()) << graph.error().to_line();
  return graph ? with_own_weights(*std::move(graph)) : graph::Graph{};
}

std::unique_ptr<engine::Session> session_of(const graph::Graph& graph) {
  auto session = engine::Session::create(graph, {});
  EXPECT_TRUE(session.has_value()) << session.error().to_line();
  return session ? *std::move(session) : nullptr;
}

void add_halves(::onnx::ModelProto& model, const char* name, Ints dims, std::initializer_list<float> values) {
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(kHalf);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  for (const float value : values) tensor.add_int32_data(tensor::half_of_float(value));
}

void put_halves(std::span<std::byte> to, const std::vector<float>& values) {
  ASSERT_EQ(to.size(), values.size() * sizeof(std::uint16_t));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = tensor::half_of_float(values[i]);
    std::memcpy(to.data() + i * sizeof bits, &bits, sizeof bits);
  }
}

std::vector<float> halves_of(std::span<const std::byte> bytes) {
  std::vector<float> values;
  for (std::size_t i = 0; i < bytes.size() / sizeof(std::uint16_t); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * sizeof bits, sizeof bits);
    values.push_back(tensor::float_of_half(bits));
  }
  return values;
}

std::size_t count_of(const graph::Graph& graph, Op op) {
  return static_cast<std::size_t>(std::ranges::count(graph.nodes, op, &graph::Node::op));
}

TEST(HalfModels, AConvNetGivesTheAnswersOfOnnxRuntime) {
  const auto folder = source_dir() / "tests/onnx/golden";
  const Bytes file = read_file(folder / "half_net.onnx");
  const auto graph = formats::read_onnx(file, "half_net.onnx");
  ASSERT_TRUE(graph.has_value()) << graph.error().to_line();
  const auto session = session_of(*graph);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->inputs()[0].spec.dtype, DType::kF16);
  EXPECT_EQ(session->outputs()[0].spec.dtype, DType::kF16);
  for (std::size_t step = 0; step < 2; ++step) {
    std::vector<float> x(session->input(0).size() / sizeof(std::uint16_t));
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(seeded_byte(step, 0, i)) * (2.0F / 255.0F) - 1.0F;
    put_halves(session->input(0), x);
    const auto ran = session->run();
    ASSERT_TRUE(ran.has_value()) << ran.error().to_line();
    for (std::size_t output = 0; output < 2; ++output) {
      const auto path = folder / ("half_net." + std::to_string(step) + "." + std::to_string(output) + ".npy");
      const Bytes golden = read_file(path);
      const auto wanted = tensor::read_npy(golden, path.string());
      ASSERT_TRUE(wanted.has_value()) << wanted.error().to_line();
      const auto expected = wanted->data.as<float>();
      const std::vector<float> all = halves_of(session->output(output));
      const std::size_t apart = (all.size() + 511) / 512;
      std::vector<float> got;
      for (std::size_t i = 0; i < all.size(); i += apart) got.push_back(all[i]);
      ASSERT_EQ(got.size(), expected.size());
      EXPECT_LT(relative_difference(got, expected), 2e-3) << "step " << step << ", output " << output;
    }
  }
}

// The graph as it runs has no conversion but those of its inputs and outputs.
TEST(HalfModels, OnlyBordersAreConverted) {
  const Bytes file = read_file(source_dir() / "tests/onnx/golden/half_net.onnx");
  const auto graph = formats::read_onnx(file, "half_net.onnx");
  ASSERT_TRUE(graph.has_value()) << graph.error().to_line();
  const auto session = session_of(*graph);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(count_of(session->planned_graph(), Op::kCast), 3u);  // one input, two outputs
}

// (x / 8 + 1000) - 1000 loses the eighths where each step is rounded to f16, whose steps are 0.5 there.
TEST(HalfModels, ValuesBetweenNodesKeepThePrecisionOfF32) {
  ::onnx::ModelProto model = empty_model();
  add_input(model, "x", {4}, kHalf);
  add_halves(model, "eighth", {}, {0.125F});
  add_halves(model, "much", {}, {1000.0F});
  add_node(model, "Mul", {"x", "eighth"}, {"a"});
  add_node(model, "Add", {"a", "much"}, {"b"});
  add_node(model, "Reshape", {"b", "shape"}, {"c"});  // moves what was computed
  add_integers(model, "shape", {2, 2});
  add_node(model, "Sub", {"c", "much"}, {"y"});
  add_output(model, "y");
  const graph::Graph graph = read_model(model);
  const auto session = session_of(graph);
  ASSERT_NE(session, nullptr);
  ASSERT_EQ(session->outputs()[0].spec.dtype, DType::kF16);
  put_halves(session->input(0), {1, 2, 3, 4});
  ASSERT_TRUE(session->run());
  EXPECT_THAT(halves_of(session->output(0)), ::testing::ElementsAre(0.125F, 0.25F, 0.375F, 0.5F));
}

TEST(HalfModels, WhatIsOnlyMovedStaysInF16) {
  ::onnx::ModelProto model = empty_model();
  add_input(model, "x", {2, 3}, kHalf);
  add_halves(model, "more", {1, 3}, {1, 2, 65504});
  set_int(add_node(model, "Concat", {"x", "more"}, {"a"}), "axis", 0);
  set_ints(add_node(model, "Transpose", {"a"}, {"y"}), "perm", {1, 0});
  add_output(model, "y");
  const graph::Graph graph = read_model(model);
  EXPECT_EQ(count_of(graph, Op::kCast), 0u);
  const auto session = session_of(graph);
  ASSERT_NE(session, nullptr);
  put_halves(session->input(0), {0.5F, -1, 2, 3, 4, 5});
  ASSERT_TRUE(session->run());
  EXPECT_THAT(halves_of(session->output(0)), ::testing::ElementsAre(0.5F, 3, 1, -1, 4, 2, 2, 5, 65504));
}

TEST(HalfModels, ComparisonsGiveBoolsAndCastsGiveWhatTheySay) {
  ::onnx::ModelProto model = empty_model();
  add_input(model, "x", {3}, kHalf);
  add_halves(model, "two", {}, {2});
  add_node(model, "Greater", {"x", "two"}, {"more"});
  add_node(model, "Mul", {"x", "two"}, {"twice"});
  set_int(add_node(model, "Cast", {"twice"}, {"real"}), "to", 1);
  set_int(add_node(model, "Cast", {"twice"}, {"whole"}), "to", 6);
  for (const char* output : {"more", "real", "whole"}) add_output(model, output);
  const graph::Graph graph = read_model(model);
  const auto session = session_of(graph);
  ASSERT_NE(session, nullptr);
  ASSERT_EQ(session->outputs()[0].spec.dtype, DType::kBool);
  ASSERT_EQ(session->outputs()[1].spec.dtype, DType::kF32);
  ASSERT_EQ(session->outputs()[2].spec.dtype, DType::kI32);
  put_halves(session->input(0), {1, 2, 3.25F});
  ASSERT_TRUE(session->run());
  EXPECT_EQ(session->output(0)[1], std::byte{0});
  EXPECT_EQ(session->output(0)[2], std::byte{1});
  EXPECT_THAT(floats_of(session->output(1)), ::testing::ElementsAre(2, 4, 6.5F));
  std::int32_t whole = 0;
  std::memcpy(&whole, session->output(2).data() + 2 * sizeof whole, sizeof whole);
  EXPECT_EQ(whole, 6);
}

// A branch takes f16 from around it, and gives f16.
TEST(HalfModels, BranchesComputeToo) {
  ::onnx::ModelProto model = empty_model();
  add_input(model, "x", {2}, kHalf);
  add_input(model, "which", {}, 9);
  add_halves(model, "three", {}, {3});
  add_node(model, "Mul", {"x", "three"}, {"a"});
  auto& node = add_node(model, "If", {"which"}, {"b"});
  for (const char* branch : {"then_branch", "else_branch"}) {
    auto& body = set_graph(node, branch);
    body.set_name(branch);
    const char* out = branch[0] == 't' ? "t" : "e";
    add_node(body, branch[0] == 't' ? "Add" : "Sub", {"a", "three"}, {out});
    body.add_output()->set_name(out);
  }
  add_node(model, "Neg", {"b"}, {"y"});
  add_output(model, "y");
  const graph::Graph graph = read_model(model);
  const auto session = session_of(graph);
  ASSERT_NE(session, nullptr);
  for (const bool which : {true, false}) {
    put_halves(session->input(0), {1, 2});
    session->input(1)[0] = static_cast<std::byte>(which);
    const auto ran = session->run();
    ASSERT_TRUE(ran.has_value()) << ran.error().to_line();
    ASSERT_EQ(session->outputs()[0].spec.dtype, DType::kF16);
    EXPECT_THAT(halves_of(session->output(0)),
                which ? ::testing::ElementsAre(-6, -9) : ::testing::ElementsAre(0, -3));
  }
}

}  // namespace
}  // namespace lichen
