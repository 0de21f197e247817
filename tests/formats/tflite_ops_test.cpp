// SPDX-License-Identifier: Apache-2.0
// Every op through a .tflite file: what is read back gives the same types and, run beside the graph that was written,
// the same answers.
#include <gmock/gmock.h>

#include "formats/tflite.hpp"
#include "op_graphs.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using lichen::testing::NamedGraph;

void expect_same(const engine::Session& a, const engine::Session& b) {
  ASSERT_EQ(a.outputs().size(), b.outputs().size());
  for (std::size_t i = 0; i < a.outputs().size(); ++i) {
    const auto& info = a.outputs()[i];
    EXPECT_EQ(info.spec.dtype, b.outputs()[i].spec.dtype);
    EXPECT_EQ(info.spec.shape, b.outputs()[i].spec.shape);
    ASSERT_EQ(a.output(i).size(), b.output(i).size());
    if (info.spec.dtype == tensor::DType::kF32) {
      EXPECT_LE(lichen::testing::relative_difference(lichen::testing::floats_of(b.output(i)),
                                                     lichen::testing::floats_of(a.output(i))),
                1e-5);
    } else {
      EXPECT_TRUE(std::ranges::equal(a.output(i), b.output(i)));
    }
  }
}

void round_trip(const NamedGraph& named) {
  SCOPED_TRACE(named.name);
  const auto file = formats::write_tflite(named.graph);
  ASSERT_TRUE(file) << file.error().to_line();
  const auto again = formats::read_tflite(*file, named.name);
  ASSERT_TRUE(again) << again.error().to_line();
  const auto twice = formats::write_tflite(*again);
  ASSERT_TRUE(twice) << twice.error().to_line();
  const auto a = engine::Session::create(named.graph, {});
  const auto b = engine::Session::create(*again, {});
  ASSERT_TRUE(a) << a.error().to_line();
  ASSERT_TRUE(b) << b.error().to_line();
  for (std::size_t sample = 0; sample < 3; ++sample) {
    lichen::testing::fill_seeded(**a, sample, -3, 3);
    for (std::size_t i = 0; i < (*a)->inputs().size(); ++i) std::ranges::copy((*a)->input(i), (*b)->input(i).begin());
    ASSERT_TRUE((*a)->run());
    ASSERT_TRUE((*b)->run());
    expect_same(**a, **b);
  }
}

TEST(TfliteOps, EveryOperatorComesBackAsItWas) {
  for (const NamedGraph& named : lichen::testing::tflite_op_graphs()) round_trip(named);
}

TEST(TfliteOps, OpsThatTfliteLacksAreComposedOfItsOperators) {
  for (const NamedGraph& named : lichen::testing::composed_op_graphs()) round_trip(named);
}

TEST(TfliteOps, StateAndBranchesComeBackAsTheyWere) {
  for (const NamedGraph& named : lichen::testing::state_graphs()) round_trip(named);
}

TEST(TfliteOps, RecurrentLayersOfBytesComeBackAsTheyWere) {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(lichen::testing::source_dir() / "tests/engine/golden/models")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("operator_lstm_") && !name.starts_with("operator_svdf_")) continue;
    const Bytes file = lichen::testing::read_file(entry.path());
    const auto graph = formats::read_tflite(file, name);
    ASSERT_TRUE(graph) << graph.error().to_line();
    const auto written = formats::write_tflite(*graph);
    ASSERT_TRUE(written) << written.error().to_line();
    const auto again = formats::read_tflite(*written, name);
    ASSERT_TRUE(again) << again.error().to_line();
    EXPECT_EQ(again->nodes.size(), graph->nodes.size()) << name << ": its state became a resource";
    round_trip({name, *graph});
    ++count;
  }
  EXPECT_GE(count, 14U);
}

// What Session says of a golden model whose first node with attributes of kind A was changed.
template <typename A, typename Change>
std::string refusal_of(const std::string& name, Change change) {
  const Bytes file = lichen::testing::read_file(lichen::testing::source_dir() / "tests/engine/golden/models" / name);
  auto graph = formats::read_tflite(file, name);
  if (!graph) return graph.error().to_line();
  for (graph::Node& node : graph->nodes) {
    if (auto* attributes = std::get_if<A>(&node.attributes)) change(*attributes);
  }
  const auto session = engine::Session::create(*graph, {});
  return session ? "runs" : session.error().to_line();
}

TEST(TfliteOps, RecurrentLayersThatLiteRTDoesNotComputeAreRefusedByName) {
  using ::testing::HasSubstr;
  EXPECT_EQ(refusal_of<graph::SvdfAttributes>("operator_svdf_i8.tflite", [](auto&) {}), "runs");
  EXPECT_THAT(refusal_of<graph::SvdfAttributes>("operator_svdf_i8.tflite",
                                                [](auto& a) { a.activation = graph::Activation::kNone; }),
              HasSubstr("an integer SVDF with another activation than relu"));
  const auto lstm = [](auto change) {
    return refusal_of<graph::SequenceLstmAttributes>("operator_lstm_i8_normalized.tflite", change);
  };
  EXPECT_EQ(lstm([](auto&) {}), "runs");
  EXPECT_THAT(lstm([](auto& a) { a.hidden_scale = 0.0F; }), HasSubstr("without the scale of its hidden state"));
  EXPECT_THAT(lstm([](auto& a) { a.hidden_zero_point = INT32_MIN; }), HasSubstr("a hidden state of zero point"));
  EXPECT_THAT(lstm([](auto& a) { a.gate_scales[2] = 0.0F; }), HasSubstr("the scale of intermediate tensor 2"));
}

TEST(TfliteOps, WhatTfliteCannotSayIsRefusedNamingTheNodes) {
  graph::Graph g;
  g.name = "odd";
  const auto x = g.add("x", tensor::DType::kF32, {2, 3});
  const auto y = g.add("y", tensor::DType::kF32, {2, 3});
  const auto z = g.add("z", tensor::DType::kF32, {2, 3});
  g.nodes.push_back({graph::Op::kErf, "first", graph::UnaryAttributes{}, {x}, {y}});
  g.nodes.push_back({graph::Op::kAcosh, "second", graph::UnaryAttributes{}, {y}, {z}});
  g.inputs = {x};
  g.outputs = {z};
  const auto file = formats::write_tflite(g);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kUnsupported);
  EXPECT_THAT(file.error().to_line(), ::testing::HasSubstr("node 0 Erf 'first'"));
  EXPECT_THAT(file.error().to_line(), ::testing::HasSubstr("node 1 Acosh 'second'"));
}

}  // namespace
