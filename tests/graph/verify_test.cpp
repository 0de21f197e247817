// SPDX-License-Identifier: Apache-2.0
#include "graph/verify.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/ops/schema.hpp"
#include "graph/ops/window.hpp"
#include "graph/print.hpp"

namespace {

using namespace lichen;
using namespace lichen::graph;
using tensor::DType;
using tensor::Shape;
using ::testing::HasSubstr;

// A convolution, a pooling and a fully connected layer.
Graph example() {
  Graph g;
  g.name = "example";
  const TensorId in = g.add("in", DType::kF32, {1, 8, 8, 1});
  const TensorId weights =
      g.add_constant("weights", {4, 3, 3, 1}, std::span<const float>(std::vector<float>(36, 0.5F)));
  const TensorId conv = g.add("conv", DType::kF32, {1, 8, 8, 4});
  const TensorId pool = g.add("pool", DType::kF32, {1, 4, 4, 4});
  const TensorId dense = g.add_constant("dense", {10, 64}, std::span<const float>(std::vector<float>(640, 0.1F)));
  const TensorId out = g.add("out", DType::kF32, {1, 10});
  g.nodes.push_back({Op::kConv2D, "conv", Conv2DAttributes{}, {in, weights, kNoTensor}, {conv}});
  g.nodes.push_back({Op::kMaxPool2D, "pool", Pool2DAttributes{Padding::kValid, 2, 2, 2, 2}, {conv}, {pool}});
  g.nodes.push_back({Op::kFullyConnected, "dense", FullyConnectedAttributes{}, {pool, dense}, {out}});
  g.inputs = {in};
  g.outputs = {out};
  return g;
}

TEST(Verify, AWholeGraphPasses) {
  const auto verified = verify(example());
  EXPECT_TRUE(verified) << verified.error().to_line();
}

TEST(Verify, EverySchemaStandsAtItsOp) {
  for (const OpSchema& schema : schemas()) EXPECT_EQ(schema_of(schema.op).name, schema.name);
}

struct Broken {
  const char* why;  // part of the error
  std::function<void(Graph&)> how;
};

TEST(Verify, EveryBreakIsFoundAndNamed) {
  const std::vector<Broken> cases = {
      {"input 0 is tensor 99 of 6", [](Graph& g) { g.nodes[0].inputs[0] = 99; }},
      {"input 0 is tensor -1 of 6", [](Graph& g) { g.nodes[0].inputs[0] = -1; }},
      {"input 0 is tensor -7 of 6", [](Graph& g) { g.nodes[0].inputs[0] = -7; }},
      {"output is tensor 99", [](Graph& g) { g.nodes[0].outputs[0] = 99; }},
      {"is not computed before it", [](Graph& g) { std::swap(g.nodes[0], g.nodes[1]); }},
      {"has a value already", [](Graph& g) { g.nodes[1].outputs[0] = g.nodes[0].outputs[0]; }},
      {"has a value already", [](Graph& g) { g.nodes[1].outputs[0] = g.inputs[0]; }},
      {"has a value already", [](Graph& g) { g.nodes[0].outputs[0] = 1; }},
      {"inputs and", [](Graph& g) { g.nodes[0].inputs.clear(); }},
      {"inputs and", [](Graph& g) { g.nodes[0].outputs.clear(); }},
      {"inputs and", [](Graph& g) { g.nodes[0].inputs.assign(9, 0); }},
      {"attributes of another op", [](Graph& g) { g.nodes[0].attributes = NoAttributes{}; }},
      {"its inputs give [1, 4, 4, 4]", [](Graph& g) { g.tensors[3].spec.shape = Shape{1, 5, 4, 4}; }},
      {"rank 4 is needed", [](Graph& g) { g.tensors[0].spec.shape = Shape{8, 8, 1}; }},
      {"input channels", [](Graph& g) { g.tensors[0].spec.shape = Shape{1, 8, 8, 3}; }},
      {"is i8, but its inputs give f32", [](Graph& g) { g.tensors[3].spec.dtype = DType::kI8; }},
      {"i32 is not computed with", [](Graph& g) { g.tensors[0].spec.dtype = DType::kI32; }},
      {"stride 0", [](Graph& g) { std::get<Conv2DAttributes>(g.nodes[0].attributes).stride_h = 0; }},
      {"dilation -1", [](Graph& g) { std::get<Conv2DAttributes>(g.nodes[0].attributes).dilation_w = -1; }},
      {"filter 2000000000",
       [](Graph& g) { std::get<Pool2DAttributes>(g.nodes[1].attributes).filter_h = 2'000'000'000; }},
      {"a window of 20 over 8", [](Graph& g) { std::get<Pool2DAttributes>(g.nodes[1].attributes).filter_h = 20; }},
      {"fused tanh",
       [](Graph& g) { std::get<Conv2DAttributes>(g.nodes[0].attributes).activation = Activation::kTanh; }},
      {"bytes of data", [](Graph& g) { g.tensors[1].constant = tensor::Data::own(Bytes(7)); }},
      {"is never computed", [](Graph& g) { g.nodes.pop_back(); }},
      {"no outputs", [](Graph& g) { g.outputs.clear(); }},
      {"is constant", [](Graph& g) { g.inputs = {1}; }},
      {"listed twice", [](Graph& g) { g.inputs = {0, 0}; }},
      {"input is tensor 6", [](Graph& g) { g.inputs = {6}; }},
      {"output is tensor -1", [](Graph& g) { g.outputs = {-1}; }},
      {"scale 0", [](Graph& g) { g.tensors[2].quantization = tensor::per_tensor(0.0F, 0); }},
      {"is not rows of", [](Graph& g) { g.tensors[4].spec.shape = Shape{8, 80}; }},
      {"bias [1, 10]",
       [](Graph& g) {
         g.nodes[0].inputs[2] = 4, g.tensors[4].spec.shape = Shape{1, 10},
         g.tensors[4].constant = tensor::Data::own(Bytes(40));
       }},
  };
  for (const Broken& broken : cases) {
    Graph g = example();
    broken.how(g);
    const auto verified = verify(g);
    ASSERT_FALSE(verified) << broken.why;
    EXPECT_THAT(verified.error().to_line(), HasSubstr(broken.why));
    EXPECT_THAT(verified.error().to_line(), HasSubstr("example"));
  }
}

TEST(Window, SamePadsAsTensorFlowDoes) {
  const auto odd = window_of(7, {3, 2, 1, Padding::kSame});
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->out, 4);
  EXPECT_EQ(odd->pad_before, 1);
  const auto even = window_of(8, {3, 2, 1, Padding::kSame});  // one row of padding: at the end
  ASSERT_TRUE(even);
  EXPECT_EQ(even->out, 4);
  EXPECT_EQ(even->pad_before, 0);
}

TEST(Print, CountsMacsAndParameters) {
  const Graph g = example();
  const Cost cost = cost_of(g);
  EXPECT_EQ(cost.macs, 8 * 8 * 4 * 9 + 64 * 10);
  EXPECT_EQ(cost.parameters, 36 + 640);
  EXPECT_EQ(cost.parameter_bytes, 4 * cost.parameters);
  EXPECT_THAT(to_text(g), HasSubstr("Conv2D"));
  EXPECT_THAT(to_text(g), HasSubstr("2944 MACs"));
}

}  // namespace
