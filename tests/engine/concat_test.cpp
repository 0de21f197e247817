// SPDX-License-Identifier: Apache-2.0
// Concats in place: random graphs give what a plan gives that copies everything (the dynamic one), byte for byte. Integers
// of vector kernels also give what the reference kernels give.
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
      const std::span<std::byte> to = plan.input(i);
      if (g.tensor(g.inputs[i]).spec.dtype == tensor::DType::kF32) {
        for (std::size_t at = 0; at < to.size(); at += sizeof(float)) {
          const float value = random.real();
          std::memcpy(to.data() + at, &value, sizeof value);
        }
      } else {
        for (std::byte& byte : to) byte = static_cast<std::byte>(random.between(0, 255));
      }
      std::ranges::copy(to, copying.input(i).begin());
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

// Layers of images and concats of their channels, as networks have them; pieces are read by one concat, by two, or by other
// layers as well.
class RandomImages {
 public:
  RandomImages(unsigned seed, tensor::DType dtype) : random_(seed), dtype_(dtype) {
    graph_.name = "images";
    const int zero_point = dtype == tensor::DType::kU8 ? 128 : 0;
    if (dtype != tensor::DType::kF32) scale_ = tensor::per_tensor(0.1F, zero_point + random_.between(-9, 9));
    const tensor::Shape shape{random_.between(1, 2), random_.between(1, 5), random_.between(1, 5), random_.between(1, 20)};
    graph_.inputs = {graph_.add("x", dtype, shape, scale_)};
    all_ = graph_.inputs;
    for (int i = random_.between(4, 12); i-- > 0;) random_.between(0, 2) == 0 ? add_concat() : add_layer();
    add_concat();
    graph_.outputs = {all_.back()};
    if (random_.between(0, 2) == 0 && all_.size() > 3) graph_.outputs.push_back(all_[all_.size() - 2]);
  }
  Graph take() { return std::move(graph_); }

 private:
  TensorId any() {
    const int last = static_cast<int>(all_.size()) - 1;
    return all_[static_cast<std::size_t>(random_.between(std::max(0, last - 4), last))];
  }
  const tensor::Shape& shape(TensorId id) const { return graph_.tensor(id).spec.shape; }
  void add(Op op, graph::Attributes attributes, std::vector<TensorId> inputs, std::int64_t channels,
           const tensor::Quantization& quantization) {
    const tensor::Shape& in = shape(inputs[0]);
    const TensorId id = graph_.add("t", dtype_, {in[0], in[1], in[2], channels}, quantization);
    graph_.nodes.push_back({op, "n", std::move(attributes), std::move(inputs), {id}});
    all_.push_back(id);
  }

  // Mostly a convolution, which can write rows apart; rarely to other scales, so that a concat cannot take it as it is.
  void add_layer() {
    const TensorId x = any();
    const std::int64_t in_c = shape(x)[3];
    if (random_.between(0, 4) == 0) {
      graph::Pool2DAttributes pool;
      pool.padding = graph::Padding::kSame;
      pool.filter_h = pool.filter_w = 3;
      pool.stride_h = pool.stride_w = 1;
      return add(Op::kMaxPool2D, pool, {x}, in_c, graph_.tensor(x).quantization);
    }
    const std::int64_t units = random_.between(1, 40);
    const std::int64_t filter = random_.between(0, 1) == 0 ? 1 : 3;
    graph::Conv2DAttributes a;
    a.padding = graph::Padding::kSame;
    a.activation = lichen::testing::any_activation(random_);
    const lichen::testing::Types types{dtype_};
    const TensorId weights = lichen::testing::add_weights(graph_, random_, types, {units, filter, filter, in_c}, 0);
    const TensorId bias = lichen::testing::add_bias(graph_, random_, types, units);
    const bool other = dtype_ != tensor::DType::kF32 && random_.between(0, 5) == 0;
    add(Op::kConv2D, a, {x, weights, bias}, units, other ? tensor::per_tensor(0.2F, scale_.zero_point()) : scale_);
  }

  // Of new layers, or of what is there.
  void add_concat() {
    std::vector<TensorId> inputs;
    std::int64_t channels = 0;
    const bool fresh = random_.between(0, 2) > 0;
    for (int i = random_.between(2, 3); i-- > 0;) {
      if (fresh) add_layer();
      inputs.push_back(fresh ? all_.back() : any());
      channels += shape(inputs.back())[3];
    }
    if (channels <= 150) add(Op::kConcat, graph::AxisAttributes{random_.between(0, 1) == 0 ? 3 : -1}, inputs, channels, scale_);
  }

  Random random_;
  tensor::DType dtype_;
  tensor::Quantization scale_;
  Graph graph_;
  std::vector<TensorId> all_;
};

std::vector<kernels::CpuFeatures> levels_of_this_cpu() {
  std::vector<kernels::CpuFeatures> levels{kernels::detect_cpu(), {}};
  for (const kernels::CpuFeatures& less : {kernels::CpuFeatures{.avx2_fma = true}, kernels::CpuFeatures{.neon = true}}) {
    if (has(kernels::detect_cpu(), less)) levels.push_back(less);
  }
  return levels;
}

// How many concats of channels (of more pixels than one) were left out altogether.
std::ptrdiff_t check_images(tensor::DType dtype, const kernels::CpuFeatures& cpu, int thread_count) {
  kernels::Threads threads(thread_count);
  std::ptrdiff_t in_place = 0;
  for (unsigned seed = 0; seed < 250; ++seed) {
    SCOPED_TRACE(seed);
    const Graph g = RandomImages(seed, dtype).take();
    EXPECT_TRUE(graph::verify(g).has_value()) << graph::verify(g).error().to_line();
    engine::VariableStore variables(g);
    const engine::PlanContext context{cpu, engine::XnnpackUse::kNever, false, threads, variables, {}};
    const auto plan = StaticPlan::create(g, context);
    const auto copying = DynamicPlan::create(g, context);
    EXPECT_TRUE(plan.has_value() && copying.has_value());
    if (!plan || !copying) return in_place;
    expect_same_answers(**plan, **copying, g, seed);
    if (dtype != tensor::DType::kF32) {
      engine::PlanContext plain = context;
      plain.cpu = {};
      const auto reference = DynamicPlan::create(g, plain);
      EXPECT_TRUE(reference.has_value());
      if (reference) expect_same_answers(**plan, **reference, g, seed);
    }
    if (::testing::Test::HasFailure()) return in_place;
    const tensor::Shape& image = g.tensor(g.inputs[0]).spec.shape;
    if (image[0] * image[1] * image[2] > 1) in_place += std::ranges::count_if((*plan)->nodes(), is_in_place);
  }
  return in_place;
}

TEST(Concat, OfChannelsIsWrittenInPlaceByConvolutions) {
  for (const tensor::DType dtype : {tensor::DType::kF32, tensor::DType::kI8, tensor::DType::kU8}) {
    for (const kernels::CpuFeatures& cpu : levels_of_this_cpu()) {
      for (const int threads : {1, 2}) {
        SCOPED_TRACE(name_of(dtype));
        const std::ptrdiff_t in_place = check_images(dtype, cpu, threads);
        if (cpu.avx2_fma || cpu.neon) {
          EXPECT_GT(in_place, 20);
        } else {
          EXPECT_EQ(in_place, 0) << "reference kernels write dense images";
        }
        if (HasFailure()) return;
      }
    }
  }
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

TEST(Concat, OfTensorsThatAlternateInMemoryIsWrittenByNodesThatWriteRowsApart) {
  const Graph g = two_heads(2);
  const auto both = engine::lives_of(g, engine::Concats::kInPlace, {true, true, false});
  EXPECT_TRUE(both.is_view[2]);
  EXPECT_EQ(both.block_of[1], both.block_of[3]);
  EXPECT_EQ(both.offset_of[2], both.offset_of[1] + 4 * sizeof(float));
  EXPECT_EQ(both.row_bytes_of[2], 8 * sizeof(float));
  const auto one = engine::lives_of(g, engine::Concats::kInPlace, {false, true, false});
  EXPECT_FALSE(one.is_view[2]);
  EXPECT_EQ(engine::joined(g, g.nodes[2], one), (std::vector{false, true})) << "the other one is copied";
}

TEST(Concat, OfATensorThatOthersReadTooIsCopied) {
  Graph g = two_heads(2);
  const TensorId c = g.add("c", tensor::DType::kF32, {1, 3, 4});
  g.nodes.push_back({Op::kNeg, "c", graph::UnaryAttributes{}, {g.nodes[0].outputs[0]}, {c}});
  g.outputs.push_back(c);
  const auto lives = engine::lives_of(g, engine::Concats::kInPlace, {true, true, false, true});
  EXPECT_EQ(engine::joined(g, g.nodes[2], lives), (std::vector{false, true}));
}

}  // namespace
