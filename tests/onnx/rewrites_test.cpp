// SPDX-License-Identifier: Apache-2.0
// What models of quantization tools and of branches become before they run, and that answers stay what they were.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/ops/schema.hpp"
#include "make.hpp"
#include "onnx/onnx.hpp"
#include "support.hpp"

namespace lichen {
namespace {

using namespace lichen::testing;
using graph::Op;
using tensor::DType;

constexpr std::int32_t kU8 = 2;
constexpr std::int32_t kI8 = 3;
constexpr std::int32_t kBool = 9;

graph::Graph read_model(const ::onnx::ModelProto& model) {
  const Bytes file = bytes_of_model(model);
  auto graph = formats::read_onnx(file, "quantized");
  EXPECT_TRUE(graph.has_value()) << graph.error().to_line();
  return graph ? with_own_weights(*std::move(graph)) : graph::Graph{};
}

std::unique_ptr<engine::Session> session_of(const graph::Graph& graph, const engine::SessionOptions& options = {}) {
  auto session = engine::Session::create(graph, options);
  EXPECT_TRUE(session.has_value()) << session.error().to_line();
  return session ? *std::move(session) : nullptr;
}

std::size_t count_of(const graph::Graph& graph, Op op) {
  return static_cast<std::size_t>(std::ranges::count(graph.nodes, op, &graph::Node::op));
}

// Writes a model as quantize_static() does: a QuantizeLinear and a DequantizeLinear behind every node.
class Qdq {
 public:
  explicit Qdq(std::int32_t activations) : activations_(activations) {}

  [[nodiscard]] ::onnx::ModelProto& model() { return model_; }

  // Gives the name of the dequantized tensor. `zero`: of 256 steps, from the lowest.
  std::string pair(const std::string& name, float scale, int zero) {
    const std::string s = real(scale);
    const std::string z = point(zero);
    add_node(model_, "QuantizeLinear", {name.c_str(), s.c_str(), z.c_str()}, {(name + "_q").c_str()});
    add_node(model_, "DequantizeLinear", {(name + "_q").c_str(), s.c_str(), z.c_str()}, {(name + "_dq").c_str()});
    return name + "_dq";
  }

  // i8 weights with one scale for each output channel.
  std::string weights(Ints dims, float scale) {
    const std::string name = "w" + std::to_string(++constants_);
    auto& w = *model_.mutable_graph()->add_initializer();
    w.set_name(name);
    w.set_data_type(kI8);
    std::int64_t elements = 1;
    for (const std::int64_t d : dims) {
      w.add_dims(d);
      elements *= d;
    }
    for (std::int64_t i = 0; i < elements; ++i) w.add_int32_data(static_cast<std::int32_t>(i * 37 % 255) - 127);
    auto& scales = *model_.mutable_graph()->add_initializer();
    auto& zeros = *model_.mutable_graph()->add_initializer();
    scales.set_name(name + "_s");
    scales.set_data_type(1);
    zeros.set_name(name + "_z");
    zeros.set_data_type(kI8);
    scales.add_dims(*dims.begin());
    zeros.add_dims(*dims.begin());
    for (std::int64_t i = 0; i < *dims.begin(); ++i) {
      scales.add_float_data(scale * (1.0F + 0.1F * static_cast<float>(i)));
      zeros.add_int32_data(0);
    }
    set_int(add_node(model_, "DequantizeLinear", {name.c_str(), (name + "_s").c_str(), (name + "_z").c_str()},
                     {(name + "_dq").c_str()}),
            "axis", 0);
    return name + "_dq";
  }

  std::string real(float value) {
    const std::string name = "f" + std::to_string(++constants_);
    auto& made = *model_.mutable_graph()->add_initializer();
    made.set_name(name);
    made.set_data_type(1);
    made.add_float_data(value);
    return name;
  }

 private:
  std::string point(int zero) {
    const std::string name = "z" + std::to_string(++constants_);
    auto& made = *model_.mutable_graph()->add_initializer();
    made.set_name(name);
    made.set_data_type(activations_);
    made.add_int32_data(activations_ == kU8 ? zero : zero - 128);
    return name;
  }

  ::onnx::ModelProto model_ = empty_model();
  std::int32_t activations_;
  int constants_ = 0;
};

// x -> Conv -> Pad -> AveragePool -> Resize -> Split, Concat with itself -> GlobalAveragePool -> y.
::onnx::ModelProto pooling_net(std::int32_t activations) {
  Qdq net(activations);
  ::onnx::ModelProto& model = net.model();
  add_input(model, "x", {1, 3, 8, 8});
  const std::string x = net.pair("x", 0.01F, 128);
  const std::string w = net.weights({4, 3, 3, 3}, 0.002F);
  auto& conv = add_node(model, "Conv", {x.c_str(), w.c_str()}, {"c"});
  set_ints(conv, "pads", {1, 1, 1, 1});
  const std::string c = net.pair("c", 0.05F, 100);
  add_integers(model, "pads", {0, 0, 1, 1, 0, 0, 1, 1});
  add_node(model, "Pad", {c.c_str(), "pads", net.real(0).c_str()}, {"p"});
  const std::string p = net.pair("p", 0.05F, 100);
  auto& pool = add_node(model, "AveragePool", {p.c_str()}, {"a"});
  set_ints(pool, "kernel_shape", {3, 3});
  set_ints(pool, "strides", {2, 2});
  const std::string a = net.pair("a", 0.02F, 90);
  add_integers(model, "sizes", {1, 4, 8, 8});
  auto& resize = add_node(model, "Resize", {a.c_str(), "", "", "sizes"}, {"r"});
  set_text(resize, "mode", "nearest");
  const std::string r = net.pair("r", 0.02F, 90);
  set_int(add_node(model, "Split", {r.c_str()}, {"s", "t"}), "axis", 1);
  const std::string s = net.pair("s", 0.02F, 90);
  const std::string t = net.pair("t", 0.02F, 90);
  set_int(add_node(model, "Concat", {t.c_str(), s.c_str(), c.c_str()}, {"b"}), "axis", 1);
  const std::string b = net.pair("b", 0.04F, 95);
  add_node(model, "GlobalAveragePool", {b.c_str()}, {"g"});
  const std::string g = net.pair("g", 0.01F, 60);
  add_node(model, "Identity", {g.c_str()}, {"y"});
  add_output(model, "y");
  return model;
}

class Quantized : public ::testing::TestWithParam<std::int32_t> {};

TEST_P(Quantized, OnlyBordersAreReal) {
  const graph::Graph graph = read_model(pooling_net(GetParam()));
  const auto session = session_of(graph);
  ASSERT_NE(session, nullptr);
  const graph::Graph& planned = session->planned_graph();
  EXPECT_EQ(count_of(planned, Op::kQuantize), 1u);
  EXPECT_EQ(count_of(planned, Op::kDequantize), 1u);
  EXPECT_EQ(count_of(planned, Op::kAveragePool2D), 2u);
  for (const graph::Node& node : planned.nodes) {
    if (node.op == Op::kDequantize) continue;
    EXPECT_EQ(planned.tensor(node.outputs[0]).spec.dtype, DType::kI8) << graph::schema_of(node.op).name;
  }
}

TEST_P(Quantized, AnswersAreThoseOfTheModelAsItIsStored) {
  const graph::Graph graph = read_model(pooling_net(GetParam()));
  engine::SessionOptions plain;
  plain.rewrite = false;
  const auto stored = session_of(graph, plain);
  const auto rewritten = session_of(graph);
  engine::SessionOptions simple;
  simple.reference_kernels_only = true;
  const auto reference = session_of(graph, simple);
  ASSERT_TRUE(stored != nullptr && rewritten != nullptr && reference != nullptr);
  for (std::size_t sample = 0; sample < 5; ++sample) {
    for (auto* session : {stored.get(), rewritten.get(), reference.get()}) {
      fill_seeded(*session, sample, -1, 1);
      ASSERT_TRUE(session->run());
    }
    const std::vector<float> wanted = floats_of(stored->output(0));
    const std::vector<float> got = floats_of(rewritten->output(0));
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 0.0101F) << i;  // one step
    EXPECT_EQ(got, floats_of(reference->output(0)));
    EXPECT_GT(*std::ranges::max_element(wanted), *std::ranges::min_element(wanted));
  }
}

INSTANTIATE_TEST_SUITE_P(Activations, Quantized, ::testing::Values(kU8, kI8),
                         [](const auto& instance) { return instance.param == kU8 ? "u8" : "i8"; });

// What is padded with is no whole step, so it stays real.
TEST(Rewrites, APadWithAnotherValueThanZeroStaysReal) {
  Qdq net(kI8);
  ::onnx::ModelProto& model = net.model();
  add_input(model, "x", {1, 4});
  const std::string x = net.pair("x", 0.1F, 128);
  add_integers(model, "pads", {0, 1, 0, 1});
  add_node(model, "Pad", {x.c_str(), "pads", net.real(0.53F).c_str()}, {"y"});
  add_output(model, "y");
  const graph::Graph graph = read_model(model);
  const auto session = session_of(graph);
  ASSERT_NE(session, nullptr);
  ASSERT_TRUE(session->run());
  EXPECT_THAT(floats_of(session->output(0)), ::testing::ElementsAre(0.53F, 0, 0, 0, 0, 0.53F));
}

// x -> If(which: Conv and Relu; else: the negative) -> y.
::onnx::ModelProto branching_model() {
  ::onnx::ModelProto model = empty_model();
  add_input(model, "x", {1, 2, 5, 5});
  add_input(model, "which", {}, kBool);
  add_weights(model, "w", {2, 2, 3, 3});
  auto& node = add_node(model, "If", {"which"}, {"y"});
  auto& conv = set_graph(node, "then_branch");
  conv.set_name("then");
  set_ints(add_node(conv, "Conv", {"x", "w"}, {"c"}), "pads", {1, 1, 1, 1});
  add_node(conv, "Relu", {"c"}, {"r"});
  auto& again = add_node(conv, "Conv", {"r", "w"}, {"t"});
  set_ints(again, "pads", {1, 1, 1, 1});
  conv.add_output()->set_name("t");
  auto& other = set_graph(node, "else_branch");
  other.set_name("else");
  add_node(other, "Neg", {"x"}, {"e"});
  other.add_output()->set_name("e");
  add_output(model, "y");
  return model;
}

TEST(Rewrites, BodiesOfBranchesAreRewrittenLikeTheirGraph) {
  const graph::Graph graph = read_model(branching_model());
  const auto session = session_of(graph);
  ASSERT_NE(session, nullptr);
  const auto& node = *std::ranges::find(session->planned_graph().nodes, Op::kIf, &graph::Node::op);
  const auto which = static_cast<std::size_t>(std::get<graph::IfAttributes>(node.attributes).then_graph);
  const graph::Graph& body = session->planned_graph().subgraphs[which];
  EXPECT_EQ(count_of(body, Op::kRelu), 0u);       // in the first convolution
  EXPECT_EQ(count_of(body, Op::kTranspose), 2u);  // of what comes in and goes out
  EXPECT_EQ(body.nodes.size(), 4u);
}

TEST(Rewrites, BranchesGiveTheSameRewrittenOrNot) {
  const graph::Graph graph = read_model(branching_model());
  engine::SessionOptions plain;
  plain.rewrite = false;
  const auto stored = session_of(graph, plain);
  const auto rewritten = session_of(graph);
  ASSERT_TRUE(stored != nullptr && rewritten != nullptr);
  for (const bool which : {true, false, true}) {
    for (auto* session : {stored.get(), rewritten.get()}) {
      fill_seeded(*session, 1, -1, 1);
      session->input(1)[0] = static_cast<std::byte>(which);
      const auto ran = session->run();
      ASSERT_TRUE(ran.has_value()) << ran.error().to_line();
    }
    EXPECT_LT(relative_difference(floats_of(rewritten->output(0)), floats_of(stored->output(0))), 1e-5);
  }
}

}  // namespace
}  // namespace lichen
