// SPDX-License-Identifier: Apache-2.0
// XNNPACK's operators beside the reference kernels: floats within 1e-4, integers within 1 LSB and only where allowed.
#include "engine/backends/xnnpack/xnnpack.hpp"

#include <algorithm>

#include "formats/tflite.hpp"
#include "random_layers.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using namespace lichen::testing;
using engine::Session;
using engine::SessionOptions;
using engine::XnnpackUse;
using graph::Graph;
using tensor::DType;

const SessionOptions kReference{.reference_kernels_only = true};
const SessionOptions kExact{.xnnpack = XnnpackUse::kPreferred};
const SessionOptions kInexact{.xnnpack = XnnpackUse::kPreferred, .inexact_i8 = true};

#define LICHEN_NEED_XNNPACK() \
  if (!engine::start_xnnpack()) GTEST_SKIP() << "SKIPPED: this build or this CPU has no XNNPACK"

bool uses_xnnpack(const Session& session) {
  return std::ranges::any_of(session.nodes(), [](const auto& n) { return n.kernel.contains("xnnpack"); });
}

template <typename T>
int largest_step(std::span<const std::byte> a, std::span<const std::byte> b) {
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<T>(a[i]) - static_cast<T>(b[i])));
  return largest;
}

void expect_close(const Session& session, const Session& reference, int steps_max) {
  const DType dtype = session.outputs()[0].spec.dtype;
  // A graph whose answer does not depend on its input has no nodes left.
  const std::string kernel = session.nodes().empty() ? "no kernel" : session.nodes().back().kernel;
  if (dtype == DType::kF32) {
    EXPECT_LE(relative_difference(floats_of(session.output(0)), floats_of(reference.output(0))), 1e-4) << kernel;
  } else if (dtype == DType::kI8) {
    EXPECT_LE(largest_step<std::int8_t>(session.output(0), reference.output(0)), steps_max) << kernel;
  } else {
    EXPECT_EQ(largest_step<std::uint8_t>(session.output(0), reference.output(0)), 0) << kernel;
  }
}

// Runs every graph that make(graph, random, types) gives with XNNPACK and without; returns how many used it.
template <typename Make>
int compare_many(Types types, Make make) {
  constexpr int kGraphs = 150;
  int used = 0;
  int compared = 0;
  for (unsigned seed = 0; compared < kGraphs; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Graph g;
    g.name = "random";
    if (!make(g, random, types)) continue;
    const auto reference = Session::create(g, kReference);
    const auto session = Session::create(g, kInexact);
    EXPECT_TRUE(reference && session);
    if (!reference || !session) return used;
    for (const auto* each : {&*reference, &*session}) {
      for (const float high : {1.0F, 3.0F}) {  // twice: an operator keeps things from run to run
        fill_seeded(**each, seed, -3, high);
        EXPECT_TRUE((*each)->run());
      }
    }
    expect_close(**session, **reference, 1);
    used += uses_xnnpack(**session) ? 1 : 0;
    ++compared;
  }
  return used;
}

bool convolution(Graph& g, Random& r, Types t) {
  return random_convolution(g, r, t, false);
}
bool depthwise(Graph& g, Random& r, Types t) {
  return random_convolution(g, r, t, true);
}

class Xnnpack : public ::testing::TestWithParam<DType> {};

TEST_P(Xnnpack, Conv2DIsCloseToTheReferenceKernel) {
  LICHEN_NEED_XNNPACK();
  EXPECT_GT(compare_many({GetParam()}, convolution), 100);
}
TEST_P(Xnnpack, DepthwiseConv2DIsCloseToTheReferenceKernel) {
  LICHEN_NEED_XNNPACK();
  EXPECT_GT(compare_many({GetParam()}, depthwise), 100);
}
TEST_P(Xnnpack, FullyConnectedIsCloseToTheReferenceKernel) {
  LICHEN_NEED_XNNPACK();
  EXPECT_GT(compare_many({GetParam()}, random_fully_connected), 40);
}
TEST_P(Xnnpack, AddIsCloseToTheReferenceKernel) {
  LICHEN_NEED_XNNPACK();
  EXPECT_GT(compare_many({GetParam()}, random_add), 100);
}

INSTANTIATE_TEST_SUITE_P(Types, Xnnpack, ::testing::Values(DType::kF32, DType::kI8),
                         [](const auto& each) { return std::string(name_of(each.param)); });

TEST(XnnpackPool, IsCloseToTheReferenceKernel) {
  LICHEN_NEED_XNNPACK();
  for (const graph::Op op : {graph::Op::kAveragePool2D, graph::Op::kMaxPool2D}) {
    const auto pool = [op](Graph& g, Random& r, Types t) { return random_pool(g, r, t, op); };
    EXPECT_GT(compare_many({DType::kF32}, pool), 50);
  }
}

TEST(XnnpackIntegers, AreNotUsedUnlessInexactOnesAreAllowed) {
  LICHEN_NEED_XNNPACK();
  Random random(1);
  Graph g;
  g.name = "add";
  ASSERT_TRUE(random_add(g, random, {DType::kI8}));
  const auto exact = Session::create(g, kExact);
  const auto inexact = Session::create(g, kInexact);
  ASSERT_TRUE(exact && inexact);
  EXPECT_FALSE(uses_xnnpack(**exact)) << (*exact)->nodes()[0].kernel;
  EXPECT_EQ((*inexact)->nodes()[0].kernel, "add i8 xnnpack (within 1 LSB)");
}

TEST(XnnpackModels, GiveTheAnswersOfTheReferenceKernels) {
  LICHEN_NEED_XNNPACK();
  int used = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "tests/engine/golden/models")) {
    SCOPED_TRACE(entry.path());
    const Bytes file = read_file(entry.path());
    const auto graph = formats::read_tflite(file, "m");
    ASSERT_TRUE(graph) << graph.error().to_line();
    const auto reference = Session::create(*graph, kReference);
    const auto session = Session::create(*graph, kExact);
    ASSERT_TRUE(reference && session);
    for (const auto* each : {&*reference, &*session}) {
      fill_seeded(**each, 3, -3, 3);
      ASSERT_TRUE((*each)->run());
    }
    expect_close(**session, **reference, 0);
    used += uses_xnnpack(**session) ? 1 : 0;
  }
  EXPECT_GT(used, 8);
}

}  // namespace
