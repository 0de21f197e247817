// SPDX-License-Identifier: Apache-2.0
// Vector kernels beside the reference kernels on random layers: integers bit for bit, floats within 1e-4.
#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "random_layers.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using namespace lichen::testing;
using graph::Graph;
using tensor::DType;

// What our kernels may use of the CPU, of that which it has; each with a number of threads.
std::vector<engine::SessionOptions> levels() {
  constexpr kernels::CpuFeatures kLess[] = {{.avx2_fma = true}, {.neon = true}};
  std::vector<engine::SessionOptions> levels = {{.threads = 1}, {.threads = 3}};
  for (const kernels::CpuFeatures& less : kLess) {
    if (!has(kernels::detect_cpu(), less)) continue;
    levels.push_back({.threads = 1, .cpu = less});
    levels.push_back({.threads = 2, .cpu = less});
  }
  for (engine::SessionOptions& level : levels) level.xnnpack = engine::XnnpackUse::kNever;
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
        << kernel << " " << g.tensors[0].spec.shape.to_text() << " " << g.tensors[1].spec.shape.to_text() << " "
        << native.outputs()[0].spec.shape.to_text();
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
  vector_kernels += run({1, false})->nodes()[0].kernel == reference->nodes()[0].kernel ? 0 : 1;
}

// Where most layers must get a vector kernel, not that of reference.
enum class VectorsOn : std::uint8_t { kAvx512AndNeon, kAvx512, kNone };

[[nodiscard]] bool wants_vectors(VectorsOn on) {
  const kernels::CpuFeatures cpu = kernels::detect_cpu();
  return (cpu.avx512_vnni && on != VectorsOn::kNone) || (on == VectorsOn::kAvx512AndNeon && cpu.neon);
}

template <typename Make>
void compare_many(Types types, Make make, std::size_t layers = 200, VectorsOn on = VectorsOn::kAvx512AndNeon) {
  std::size_t compared = 0;
  std::size_t vector_kernels = 0;
  for (unsigned seed = 0; compared < layers; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Graph g;
    g.name = "random";
    if (!make(g, random, types)) continue;
    compare(g, seed, vector_kernels);
    if (::testing::Test::HasFatalFailure()) return;
    ++compared;
  }
  if (wants_vectors(on)) {
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
// Graphs of ONNX: sums are scaled in float, halves to even.
TEST_P(Oracle, LayersThatRoundToEven) {
  const auto to_even = [](auto make) {
    return [make](Graph& g, Random& r, Types t) {
      g.rounding = graph::IntegerRounding::kNearestEven;
      return make(g, r, t);
    };
  };
  compare_many({GetParam()}, to_even([](Graph& g, Random& r, Types t) { return random_convolution(g, r, t, false); }), 200,
               VectorsOn::kAvx512);
  compare_many({GetParam()}, to_even([](Graph& g, Random& r, Types t) { return random_convolution(g, r, t, true); }), 200,
               VectorsOn::kAvx512);
  compare_many({GetParam()}, to_even(random_fully_connected), 200, VectorsOn::kAvx512);
}
TEST_P(Oracle, ElementsThatRoundToEven) {
  for (const graph::Op op : {graph::Op::kAdd, graph::Op::kMul, graph::Op::kSub}) {
    const auto to_even = [op](Graph& g, Random& r, Types t) {
      g.rounding = graph::IntegerRounding::kNearestEven;
      return random_binary(g, r, t, op);
    };
    compare_many({GetParam()}, to_even, 100, op == graph::Op::kSub && GetParam() == DType::kF32 ? VectorsOn::kNone : VectorsOn::kAvx512);
  }
}
TEST_P(Oracle, ConvolutionsThatThreadsShare) {
  compare_many({GetParam()}, random_large_convolution, 12);
}
TEST_P(Oracle, ConvolutionsThatThreadsPadByRows) {
  compare_many({GetParam()}, random_padded_convolution, 60);
}
TEST_P(Oracle, Add) {
  compare_many({GetParam()}, random_add);
}
TEST_P(Oracle, AddThatBroadcasts) {
  compare_many({GetParam()}, [](Graph& g, Random& r, Types t) { return random_binary(g, r, t, graph::Op::kAdd); });
}
TEST_P(Oracle, MulThatBroadcasts) {
  compare_many({GetParam()}, [](Graph& g, Random& r, Types t) { return random_binary(g, r, t, graph::Op::kMul); });
}
TEST_P(Oracle, OpsOnOneElement) {
  using graph::Op;
  for (const Op op : {Op::kHardSigmoid, Op::kHardSwish, Op::kLogistic, Op::kRelu, Op::kRelu0To1, Op::kRelu6,
                      Op::kReluN1To1}) {
    compare_many({GetParam()}, [op](Graph& g, Random& r, Types t) { return random_unary(g, r, t, op); }, 30,
                 VectorsOn::kAvx512);
  }
}
TEST_P(Oracle, AveragePool2D) {
  compare_many({GetParam()}, [](Graph& g, Random& r, Types t) { return random_pool(g, r, t, graph::Op::kAveragePool2D); });
}
TEST_P(Oracle, MaxPool2D) {
  compare_many({GetParam()}, [](Graph& g, Random& r, Types t) { return random_pool(g, r, t, graph::Op::kMaxPool2D); });
}

INSTANTIATE_TEST_SUITE_P(Types, Oracle, ::testing::Values(DType::kF32, DType::kI8, DType::kU8),
                         [](const auto& each) { return std::string(name_of(each.param)); });

// Reals to integers and integers to others, with NaN, infinities and what lies far outside.
TEST(OracleQuantize, RoundsToEven) {
  for (const DType to : {DType::kI8, DType::kU8}) {
    for (const DType from : {DType::kF32, DType::kI8, DType::kU8}) {
      const auto make = [&](Graph& g, Random& r, Types) {
        g.rounding = graph::IntegerRounding::kNearestEven;
        const Shape shape{r.between(1, 3), r.between(1, 300)};
        g.inputs = {g.add("x", from, shape, activation_scale(r, from, 0.01F, 0.2F))};
        g.outputs = {g.add("y", to, shape, activation_scale(r, to, 0.01F, 0.2F))};
        g.nodes.push_back({graph::Op::kQuantize, "q", graph::NoAttributes{}, g.inputs, g.outputs});
        return true;
      };
      compare_many({to}, make, 60, from == DType::kF32 ? VectorsOn::kAvx512 : VectorsOn::kAvx512AndNeon);
    }
  }
  Graph g;
  g.name = "far";
  g.rounding = graph::IntegerRounding::kNearestEven;
  g.inputs = {g.add("x", DType::kF32, {70})};
  g.outputs = {g.add("y", DType::kI8, {70}, tensor::per_tensor(0.5F, 3))};
  g.nodes.push_back({graph::Op::kQuantize, "q", graph::NoAttributes{}, g.inputs, g.outputs});
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> odd = {std::nanf(""), kInfinity, -kInfinity, 3e38F, -3e38F, 0.25F, 0.75F, -0.25F, 1e5F, 62.25F};
  const auto run = [&](bool reference) {
    auto session = *engine::Session::create(g, {.reference_kernels_only = reference});
    for (std::size_t i = 0; i < 70; ++i)
      std::memcpy(session->input(0).data() + 4 * i, &odd[i % odd.size()], sizeof(float));
    EXPECT_TRUE(session->run());
    return std::vector<std::byte>(session->output(0).begin(), session->output(0).end());
  };
  EXPECT_EQ(run(false), run(true));
  EXPECT_EQ(static_cast<int>(run(false)[0]), 3) << "NaN is the zero point";
}

// Planes of a few rows or columns, blocks, and runs: all ways in which elements change places, beside a plain loop.
TEST(OracleTranspose, PutsEveryElementInItsPlace) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    Random random(seed);
    const DType dtype = std::array{DType::kI8, DType::kI16, DType::kF32, DType::kI64}[seed % 4];
    const std::size_t bytes = size_of(dtype);
    std::vector<std::int64_t> dims;
    for (int i = random.between(2, 4); i > 0; --i) dims.push_back(random.between(1, random.between(0, 1) == 0 ? 4 : 40));
    std::vector<std::int32_t> order(dims.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
    for (std::size_t i = order.size(); i-- > 1;)
      std::swap(order[i], order[static_cast<std::size_t>(random.between(0, static_cast<std::int32_t>(i)))]);
    std::vector<std::int64_t> turned;
    for (const std::int32_t axis : order) turned.push_back(dims[static_cast<std::size_t>(axis)]);
    Graph g;
    g.name = "transpose";
    g.inputs = {g.add("x", dtype, *Shape::make(dims, "x"))};
    g.outputs = {g.add("y", dtype, *Shape::make(turned, "y"))};
    g.nodes.push_back({graph::Op::kTranspose, "t", graph::TransposeAttributes{order}, g.inputs, g.outputs});
    const auto session = *engine::Session::create(g, {.rewrite = false});
    for (std::size_t i = 0; i < session->input(0).size(); ++i)
      session->input(0)[i] = static_cast<std::byte>(random.between(0, 255));
    ASSERT_TRUE(session->run());
    const auto out = session->output(0);
    std::vector<std::int64_t> at(turned.size(), 0);
    for (std::size_t element = 0; element < out.size() / bytes; ++element) {
      std::int64_t from = 0;
      for (std::size_t axis = 0; axis < dims.size(); ++axis) {
        const auto place = static_cast<std::size_t>(std::ranges::find(order, static_cast<std::int32_t>(axis)) - order.begin());
        from = from * dims[axis] + at[place];
      }
      ASSERT_TRUE(std::ranges::equal(out.subspan(element * bytes, bytes),
                                     session->input(0).subspan(static_cast<std::size_t>(from) * bytes, bytes)))
          << "seed " << seed << " element " << element;
      for (std::size_t axis = at.size(); axis-- > 0;) {
        if (++at[axis] < turned[axis]) break;
        at[axis] = 0;
      }
    }
  }
}

TEST(OracleSoftmax, OfReals) {
  compare_many({DType::kF32}, random_softmax, 200, VectorsOn::kAvx512);
}

TEST(OracleHybrid, Conv2D) {
  compare_many({DType::kF32, true}, [](Graph& g, Random& r, Types t) { return random_convolution(g, r, t, false); });
}

}  // namespace
