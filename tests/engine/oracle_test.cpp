// SPDX-License-Identifier: Apache-2.0
// Vector kernels beside the reference kernels on random layers: integers bit for bit, floats within 1e-4.
#include <map>
#include <random>

#include "graph/ops/window.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using graph::Graph;
using graph::Op;
using tensor::DType;
using tensor::Shape;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int32_t between(std::int32_t low, std::int32_t high) {
    return low + static_cast<std::int32_t>(engine_() % static_cast<unsigned>(high - low + 1));
  }
  float real() { return static_cast<float>(between(-1000, 1000)) / 1000.0F; }
  float scale(float low, float high) { return low + (high - low) * static_cast<float>(between(0, 10000)) / 10000.0F; }

 private:
  std::mt19937 engine_;
};

struct Types {
  DType dtype;
  bool hybrid = false;
};

tensor::Quantization activation_scale(Random& random, DType dtype, float low, float high) {
  if (dtype == DType::kF32) return {};
  const std::int32_t middle = dtype == DType::kU8 ? 128 : 0;
  return tensor::per_tensor(random.scale(low, high), middle + random.between(-128, 127));
}

graph::TensorId add_weights(Graph& g, Random& random, Types types, const Shape& shape, std::size_t axis) {
  const auto count = static_cast<std::size_t>(shape.elements());
  if (types.dtype == DType::kF32 && !types.hybrid) {
    std::vector<float> values(count);
    for (float& v : values) v = random.real();
    return g.add_constant("weights", shape, std::span<const float>(values));
  }
  Bytes bytes(count);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.between(0, 255));
  tensor::Quantization q;
  const bool channels = types.dtype == DType::kI8 && random.between(0, 2) > 0;
  const std::size_t scales = channels ? static_cast<std::size_t>(shape[axis]) : 1;
  for (std::size_t i = 0; i < scales; ++i) q.scales.push_back(random.scale(0.0001F, 0.02F));
  q.zero_points.assign(scales, types.dtype == DType::kU8 ? random.between(0, 255) : 0);
  q.axis = axis;
  return g.add({{"weights", types.hybrid ? DType::kI8 : types.dtype, shape}, q, tensor::Data::own(bytes)});
}

graph::TensorId add_bias(Graph& g, Random& random, Types types, std::int64_t channels) {
  if (random.between(0, 3) == 0) return graph::kNoTensor;
  if (types.dtype == DType::kF32) {
    std::vector<float> values(static_cast<std::size_t>(channels));
    for (float& v : values) v = random.real();
    return g.add_constant("bias", {channels}, std::span<const float>(values));
  }
  std::vector<std::int32_t> values(static_cast<std::size_t>(channels));
  for (std::int32_t& v : values) v = random.between(-100000, 100000);
  return g.add_constant("bias", {channels}, std::span<const std::int32_t>(values));
}

graph::Activation any_activation(Random& random) {
  return static_cast<graph::Activation>(random.between(0, 3));
}

void finish(Graph& g, Random& random, Types types, graph::Node node, const Shape& in, const Shape& weights,
            std::size_t axis, const Shape& out) {
  const auto x = g.add("in", types.dtype, in, activation_scale(random, types.dtype, 0.01F, 0.2F));
  const auto w = add_weights(g, random, types, weights, axis);
  const auto bias = add_bias(g, random, types, out.dims().back());
  const auto y = g.add("out", types.dtype, out, activation_scale(random, types.dtype, 0.01F, 1.0F));
  node.inputs = {x, w, bias};
  node.outputs = {y};
  g.nodes.push_back(std::move(node));
  g.inputs = {x};
  g.outputs = {y};
}

// False where the random window does not fit into the random image.
bool random_convolution(Graph& g, Random& random, Types types, bool depthwise) {
  const std::int64_t in_c = random.between(1, 40);
  const std::int64_t multiplier = depthwise && random.between(0, 4) == 0 ? random.between(1, 3) : 1;
  const std::int64_t out_c = depthwise ? in_c * multiplier : random.between(1, 40);
  graph::DepthwiseConv2DAttributes a;
  a.padding = static_cast<graph::Padding>(random.between(0, 1));
  a.stride_h = random.between(1, 3), a.stride_w = random.between(1, 3);
  a.dilation_h = random.between(1, 2), a.dilation_w = random.between(1, 2);
  a.activation = any_activation(random);
  a.depth_multiplier = static_cast<std::int32_t>(multiplier);
  const std::int64_t kh = random.between(1, 5);
  const std::int64_t kw = random.between(1, 5);
  const Shape in{random.between(1, 2), random.between(1, 14), random.between(1, 14), in_c};
  const auto h = graph::window_of(in[1], graph::rule_h(a, kh));
  const auto w = graph::window_of(in[2], graph::rule_w(a, kw));
  if (!h || !w) return false;
  const Shape out{in[0], h->out, w->out, out_c};
  if (depthwise) {
    finish(g, random, types, {Op::kDepthwiseConv2D, "layer", a, {}, {}}, in, {1, kh, kw, out_c}, 3, out);
  } else {
    const graph::Conv2DAttributes c{a.padding, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w, a.activation};
    finish(g, random, types, {Op::kConv2D, "layer", c, {}, {}}, in, {out_c, kh, kw, in_c}, 0, out);
  }
  return true;
}

bool random_fully_connected(Graph& g, Random& random, Types types) {
  const std::int64_t rows = random.between(1, 8);
  const std::int64_t units = random.between(1, 50);
  const std::int64_t depth = random.between(1, 200);
  finish(g, random, types,
         {Op::kFullyConnected, "layer", graph::FullyConnectedAttributes{any_activation(random), false}, {}, {}},
         {rows, depth}, {units, depth}, 0, {rows, units});
  return true;
}

bool random_add(Graph& g, Random& random, Types types) {
  const Shape shape{random.between(1, 3), random.between(1, 70)};
  const auto x = g.add("x", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.3F));
  const auto y = g.add("y", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.3F));
  const auto z = g.add("z", types.dtype, shape, activation_scale(random, types.dtype, 0.001F, 0.3F));
  g.nodes.push_back({Op::kAdd, "add", graph::ElementwiseAttributes{any_activation(random)}, {x, y}, {z}});
  g.inputs = {x, y};
  g.outputs = {z};
  return true;
}

// What kernels may use of the CPU, of that which it has; each with a number of threads.
std::vector<engine::SessionOptions> levels() {
  constexpr kernels::CpuFeatures kAvx2{true, false};
  std::vector<engine::SessionOptions> levels = {{1, false}, {3, false}};
  if (has(kernels::detect_cpu(), kAvx2)) {
    levels.push_back({1, false, kAvx2});
    levels.push_back({2, false, kAvx2});
  }
  return levels;
}

void expect_same(const engine::Session& native, const engine::Session& reference, const Graph& g) {
  const std::string kernel = native.nodes()[0].kernel;
  const auto a = native.output(0);
  const auto b = reference.output(0);
  if (native.outputs()[0].spec.dtype == DType::kF32) {
    EXPECT_LE(lichen::testing::relative_difference(lichen::testing::floats_of(a), lichen::testing::floats_of(b)), 1e-4)
        << kernel;
  } else {
    EXPECT_TRUE(std::ranges::equal(a, b))
        << kernel << " " << g.tensors[0].spec.shape.to_text() << " " << g.tensors[1].spec.shape.to_text();
  }
}

void compare(const Graph& g, std::size_t seed, std::size_t& vector_kernels) {
  const auto run = [&](const engine::SessionOptions& options) {
    auto session = engine::Session::create(g, options);
    EXPECT_TRUE(session) << session.error().to_line();
    lichen::testing::fill_seeded(**session, seed, -3, 3);
    EXPECT_TRUE((*session)->run());
    return *std::move(session);
  };
  const auto reference = run({1, true});
  std::map<std::string, std::unique_ptr<engine::Session>> first;  // of each kernel
  for (const engine::SessionOptions& level : levels()) {
    auto native = run(level);
    expect_same(*native, *reference, g);
    const std::string kernel = native->nodes()[0].kernel;
    if (!first.contains(kernel)) {
      first.emplace(kernel, std::move(native));
    } else {
      EXPECT_TRUE(std::ranges::equal(native->output(0), first[kernel]->output(0)))
          << kernel << " with " << level.threads << " threads";
    }
  }
  vector_kernels += first.contains(reference->nodes()[0].kernel) ? 0 : 1;
}

template <typename Make>
void compare_many(Types types, Make make) {
  std::size_t compared = 0;
  std::size_t vector_kernels = 0;
  for (unsigned seed = 0; compared < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Graph g;
    g.name = "random";
    if (!make(g, random, types)) continue;
    compare(g, seed, vector_kernels);
    if (::testing::Test::HasFatalFailure()) return;
    ++compared;
  }
  if (kernels::detect_cpu().avx2_fma && types.dtype != DType::kF32) {
    EXPECT_GT(vector_kernels, compared / 2);
  }
}

class Oracle : public ::testing::TestWithParam<DType> {};

TEST_P(Oracle, Conv2D) {
  compare_many({GetParam()}, [](Graph& g, Random& r, Types t) { return random_convolution(g, r, t, false); });
}
TEST_P(Oracle, DepthwiseConv2D) {
  compare_many({GetParam()}, [](Graph& g, Random& r, Types t) { return random_convolution(g, r, t, true); });
}
TEST_P(Oracle, FullyConnected) {
  compare_many({GetParam()}, random_fully_connected);
}
TEST_P(Oracle, Add) {
  compare_many({GetParam()}, random_add);
}

INSTANTIATE_TEST_SUITE_P(Types, Oracle, ::testing::Values(DType::kF32, DType::kI8, DType::kU8),
                         [](const auto& each) { return std::string(name_of(each.param)); });

TEST(OracleHybrid, Conv2D) {
  compare_many({DType::kF32, true}, [](Graph& g, Random& r, Types t) { return random_convolution(g, r, t, false); });
}

}  // namespace
