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
  if (lichen::testing::lacks_kernel(a) || lichen::testing::lacks_kernel(b)) return;
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

graph::Graph integer_svdf() {
  const Bytes file =
      lichen::testing::read_file(lichen::testing::source_dir() / "tests/engine/golden/models/operator_svdf_i8.tflite");
  auto graph = formats::read_tflite(file, "svdf");
  LICHEN_ASSERT(graph);
  for (graph::Tensor& tensor : graph->tensors) {  // what is borrowed from the file becomes the graph's own
    if (tensor.constant) tensor.constant = tensor::Data::copy_of(tensor.constant->bytes());
  }
  return *std::move(graph);
}

TEST(TfliteOps, AnIntegerSvdfWithAnotherActivationIsRefusedByName) {
  graph::Graph graph = integer_svdf();
  for (graph::Node& node : graph.nodes) {
    if (auto* a = std::get_if<graph::SvdfAttributes>(&node.attributes)) a->activation = graph::Activation::kNone;
  }
  const auto session = engine::Session::create(graph, {});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::kUnsupported);
  EXPECT_THAT(session.error().to_line(), ::testing::HasSubstr("an integer SVDF with another activation than relu"));
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
