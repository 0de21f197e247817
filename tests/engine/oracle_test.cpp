// SPDX-License-Identifier: Apache-2.0
// Vector kernels beside the reference kernels on random layers: integers bit for bit, floats within 1e-4.
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
enum class VectorsOn : std::uint8_t { kAvx512AndNeon, kAvx512 };

[[nodiscard]] bool wants_vectors(VectorsOn on) {
  const kernels::CpuFeatures cpu = kernels::detect_cpu();
  return cpu.avx512_vnni || (on == VectorsOn::kAvx512AndNeon && cpu.neon);
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
TEST_P(Oracle, ConvolutionsThatThreadsShare) {
  compare_many({GetParam()}, random_large_convolution, 12);
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

TEST(OracleSoftmax, OfReals) {
  compare_many({DType::kF32}, random_softmax, 200, VectorsOn::kAvx512);
}

TEST(OracleHybrid, Conv2D) {
  compare_many({DType::kF32, true}, [](Graph& g, Random& r, Types t) { return random_convolution(g, r, t, false); });
}

}  // namespace
