// SPDX-License-Identifier: Apache-2.0
// Concats in place: random graphs give what a plan gives that copies everything (the dynamic one), byte for byte.
#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

#include "engine/dynamic_plan.hpp"
#include "engine/static_plan.hpp"
#include "graph/verify.hpp"
#include "random_layers.hpp"

namespace {

using namespace lichen;
using lichen::testing::Random;
using engine::DynamicPlan;
using engine::StaticPlan;
using graph::Graph;
using graph::Op;
using graph::TensorId;

// A graph of [1, n, 4]: elementwise nodes, views and concats of each other's outputs, some of them twice.
class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : random_(seed) {
    graph_.name = "random";
    for (int i = random_.between(1, 2); i-- > 0;) {
      const TensorId id = graph_.add("x", tensor::DType::kF32, {1, random_.between(1, 3), 4});
      graph_.inputs.push_back(id);
      all_.push_back(id);
    }
    for (int i = random_.between(4, 14); i-- > 0;) add_node();
    for (int i = random_.between(1, 3); i-- > 0;) {
      const TensorId id = all_[any()];
      const bool computed = std::ranges::find(graph_.inputs, id) == graph_.inputs.end();
      if (computed && std::ranges::find(graph_.outputs, id) == graph_.outputs.end()) graph_.outputs.push_back(id);
    }
    if (graph_.outputs.empty()) graph_.outputs.push_back(all_.back());
  }
  Graph take() { return std::move(graph_); }

 private:
  std::size_t any() { return static_cast<std::size_t>(random_.between(0, static_cast<int>(all_.size()) - 1)); }

  void add_node() {
    const TensorId x = all_[any()];
    switch (random_.between(0, 6)) {
      case 0:
        return add(Op::kRelu, graph::UnaryAttributes{}, {x});
      case 1:
        return add(Op::kNeg, graph::UnaryAttributes{}, {x});
      case 2:
        return add(Op::kAdd, graph::ElementwiseAttributes{}, {x, x});
      case 3:
        return add_view(x);
      default:
        return add_concat();
    }
  }

  void add(Op op, graph::Attributes attributes, std::vector<TensorId> inputs) {
    const tensor::Shape shape = graph_.tensor(inputs[0]).spec.shape;
    add(op, std::move(attributes), std::move(inputs), shape);
  }
  void add(Op op, graph::Attributes attributes, std::vector<TensorId> inputs, const tensor::Shape& shape) {
    const TensorId id = graph_.add("t", tensor::DType::kF32, shape);
    graph_.nodes.push_back({op, "n", std::move(attributes), std::move(inputs), {id}});
    all_.push_back(id);
  }

  // To [1, n * 4] and back: a chain of two views.
  void add_view(TensorId x) {
    const std::int64_t rows = graph_.tensor(x).spec.shape[1];
    const auto flat = static_cast<std::int32_t>(rows * 4);
    add(Op::kReshape, graph::ReshapeAttributes{{1, flat}}, {x}, {1, flat});
    const TensorId between = all_.back();
    all_.pop_back();
    add(Op::kReshape, graph::ReshapeAttributes{{1, static_cast<std::int32_t>(rows), 4}}, {between}, {1, rows, 4});
  }

  void add_concat() {
    std::vector<TensorId> inputs;
    std::int64_t rows = 0;
    for (int i = random_.between(1, 4); i-- > 0;) {
      inputs.push_back(all_[any()]);
      rows += graph_.tensor(inputs.back()).spec.shape[1];
    }
    if (rows <= 200) add(Op::kConcat, graph::AxisAttributes{random_.between(0, 1) == 0 ? 1 : -2}, inputs, {1, rows, 4});
  }

  Random random_;
  Graph graph_;
  std::vector<TensorId> all_;
};

void expect_same_answers(engine::Plan& plan, engine::Plan& copying, const Graph& g, unsigned seed) {
  Random random(seed);
  for (int run = 0; run < 2; ++run) {
    for (std::size_t i = 0; i < g.inputs.size(); ++i) {
      std::vector<float> values(plan.input(i).size() / sizeof(float));
      for (float& value : values) value = random.real();
      std::memcpy(plan.input(i).data(), values.data(), plan.input(i).size());
      std::memcpy(copying.input(i).data(), values.data(), plan.input(i).size());
    }
    ASSERT_TRUE(plan.run({}).has_value());
    ASSERT_TRUE(copying.run({}).has_value());
    for (std::size_t i = 0; i < g.outputs.size(); ++i)
      ASSERT_TRUE(std::ranges::equal(plan.output(i), copying.output(i))) << "run " << run << ", output " << i;
  }
}

bool is_in_place(const engine::NodeProfile& node) {
  return node.kernel == "concat in place";
}

TEST(Concat, InPlaceGivesWhatCopyingGives) {
  kernels::Threads threads(1);
  std::ptrdiff_t in_place = 0;
  std::ptrdiff_t copied = 0;
  for (unsigned seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    const Graph g = RandomGraph(seed).take();
    ASSERT_TRUE(graph::verify(g).has_value()) << graph::verify(g).error().to_line();
    engine::VariableStore variables(g);
    const engine::PlanContext context{kernels::detect_cpu(), engine::XnnpackUse::kNever, false, threads, variables, {}};
    const auto plan = StaticPlan::create(g, context);
    const auto copying = DynamicPlan::create(g, context);
    ASSERT_TRUE(plan.has_value() && copying.has_value());
    expect_same_answers(**plan, **copying, g, seed);
    in_place += std::ranges::count_if((*plan)->nodes(), is_in_place);
    copied += std::ranges::count((*plan)->nodes(), std::string("concat copy"), &engine::NodeProfile::kernel);
  }
  EXPECT_GT(in_place, 100);
  EXPECT_GT(copied, 100);  // inputs of the graph, tensors that two concats want, and others that cannot be made elsewhere
}

// Two heads of a detector: relu(x) and neg(x) one after the other.
Graph two_heads(std::int32_t axis) {
  Graph g;
  g.name = "heads";
  const tensor::Shape shape{1, 3, 4};
  const TensorId x = g.add("x", tensor::DType::kF32, shape);
  const TensorId a = g.add("a", tensor::DType::kF32, shape);
  const TensorId b = g.add("b", tensor::DType::kF32, shape);
  const TensorId y = g.add("y", tensor::DType::kF32, axis == 1 ? tensor::Shape{1, 6, 4} : tensor::Shape{1, 3, 8});
  g.nodes.push_back({Op::kRelu, "a", graph::UnaryAttributes{}, {x}, {a}});
  g.nodes.push_back({Op::kNeg, "b", graph::UnaryAttributes{}, {x}, {b}});
  g.nodes.push_back({Op::kConcat, "y", graph::AxisAttributes{axis}, {a, b}, {y}});
  g.inputs = {x};
  g.outputs = {y};
  return g;
}

TEST(Concat, OfTwoHeadsCopiesNothing) {
  const auto lives = engine::lives_of(two_heads(1), engine::Concats::kInPlace);
  EXPECT_TRUE(lives.is_view[2]);
  EXPECT_EQ(lives.block_of[1], lives.block_of[3]);
  EXPECT_EQ(lives.block_of[2], lives.block_of[3]);
  EXPECT_EQ(lives.offset_of[2], lives.offset_of[1] + 3 * 4 * sizeof(float));
}

TEST(Concat, OfTensorsThatAlternateInMemoryIsCopied) {
  const auto lives = engine::lives_of(two_heads(2), engine::Concats::kInPlace);
  EXPECT_FALSE(lives.is_view[2]);
  EXPECT_NE(lives.block_of[1], lives.block_of[3]);
}

}  // namespace
