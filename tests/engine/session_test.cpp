// SPDX-License-Identifier: Apache-2.0
#include "engine/session.hpp"

#include <atomic>
#include <new>

#include <gmock/gmock.h>

#include "formats/tflite.hpp"
#include "support.hpp"

// Counts what the whole program allocates, so that "run() allocates nothing" can fail.
namespace {
std::atomic<std::size_t> allocations{0};

void* counted(std::size_t bytes, std::size_t align) {
  ++allocations;
  void* at = align <= alignof(std::max_align_t) ? std::malloc(bytes)
                                                : std::aligned_alloc(align, (bytes + align - 1) / align * align);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}
}  // namespace

// GCC inlines one half of a pair and then takes the other for a foreign one.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

void* operator new(std::size_t bytes) {
  return counted(bytes, 1);
}
void* operator new[](std::size_t bytes) {
  return counted(bytes, 1);
}
void* operator new(std::size_t bytes, std::align_val_t align) {
  return counted(bytes, static_cast<std::size_t>(align));
}
void* operator new[](std::size_t bytes, std::align_val_t align) {
  return counted(bytes, static_cast<std::size_t>(align));
}
void* operator new[](std::size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept {
  return counted(bytes, static_cast<std::size_t>(align));
}
void operator delete(void* at) noexcept {
  std::free(at);
}
void operator delete[](void* at) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}
void operator delete[](void* at, std::size_t) noexcept {
  std::free(at);
}
void operator delete(void* at, std::align_val_t) noexcept {
  std::free(at);
}
void operator delete[](void* at, std::align_val_t) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t, std::align_val_t) noexcept {
  std::free(at);
}
void operator delete[](void* at, std::size_t, std::align_val_t) noexcept {
  std::free(at);
}

namespace {

using namespace lichen;
using lichen::testing::read_file;
using ::testing::HasSubstr;

std::filesystem::path own_models() {
  return lichen::testing::source_dir() / "tests/engine/golden/models";
}

void expect_no_allocation(const std::filesystem::path& path, bool reference) {
  SCOPED_TRACE(path);
  const Bytes file = read_file(path);
  const auto graph = formats::read_tflite(file, path.filename().string());
  ASSERT_TRUE(graph) << graph.error().to_line();
  const auto session = engine::Session::create(*graph, {1, reference});
  ASSERT_TRUE(session) << session.error().to_line();
  if (!(*session)->is_static()) {
    ASSERT_TRUE((*session)->run()) << "shapes that depend on values are planned by a run";
  }
  const std::size_t before = allocations;
  const auto ran = (*session)->run();
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_TRUE(ran);
}

TEST(Session, RunAllocatesNothing) {
  const std::size_t before = allocations;
  const auto seen = std::make_unique<int>(1);
  ASSERT_EQ(allocations - before, 1U) << "the counter counts";
  for (const auto& entry : std::filesystem::directory_iterator(own_models())) {
    expect_no_allocation(entry.path(), false);
    expect_no_allocation(entry.path(), true);
  }
}

TEST(Session, RunOfTheMlperfTinyModelsAllocatesNothing) {
  LICHEN_NEED_SHARED_DATA(data);
  for (const char* name : {"kws/kws_ref_int8", "kws/kws_ref_float32", "vww/vww_96_int8", "vww/vww_96_float",
                           "ic/resnet8_int8", "ic/resnet8_float", "ad/ad01_int8", "ad/ad01_fp32"}) {
    expect_no_allocation(data / "models" / (std::string(name) + ".tflite"), false);
  }
}

// x -> conv -> relu -> add(x, .) in f32: memory is shared between nodes, inputs are kept.
graph::Graph residual() {
  graph::Graph g;
  g.name = "residual";
  const auto x = g.add("x", tensor::DType::kF32, {1, 6, 6, 3});
  const auto weights =
      g.add_constant("weights", {3, 1, 1, 3}, std::span<const float>(std::vector<float>{1, 0, 0, 0, 2, 0, 0, 0, -1}));
  const auto conv = g.add("conv", tensor::DType::kF32, {1, 6, 6, 3});
  const auto relu = g.add("relu", tensor::DType::kF32, {1, 6, 6, 3});
  const auto sum = g.add("sum", tensor::DType::kF32, {1, 6, 6, 3});
  g.nodes.push_back({graph::Op::kConv2D, "conv", graph::Conv2DAttributes{}, {x, weights}, {conv}});
  g.nodes.push_back({graph::Op::kRelu, "relu", graph::UnaryAttributes{}, {conv}, {relu}});
  g.nodes.push_back({graph::Op::kAdd, "sum", graph::ElementwiseAttributes{}, {x, relu}, {sum}});
  g.inputs = {x};
  g.outputs = {sum};
  return g;
}

TEST(Session, TheSameInputGivesTheSameBytesAndInputsAreKept) {
  const graph::Graph g = residual();
  const auto session = engine::Session::create(g, {});
  ASSERT_TRUE(session) << session.error().to_line();
  lichen::testing::fill_seeded(**session, 3, -2, 2);
  const std::vector<float> input = lichen::testing::floats_of((*session)->input(0));
  ASSERT_TRUE((*session)->run());
  const std::vector<float> first = lichen::testing::floats_of((*session)->output(0));
  ASSERT_TRUE((*session)->run());
  EXPECT_EQ(lichen::testing::floats_of((*session)->output(0)), first);
  EXPECT_EQ(lichen::testing::floats_of((*session)->input(0)), input);
  for (std::size_t i = 0; i < input.size(); i += 3) {
    EXPECT_EQ(first[i], input[i] + std::max(input[i], 0.0F));
    EXPECT_EQ(first[i + 1], input[i + 1] + std::max(2 * input[i + 1], 0.0F));
    EXPECT_EQ(first[i + 2], input[i + 2] + std::max(-input[i + 2], 0.0F));
  }
}

TEST(Session, TellsItsTensorsAndNodes) {
  const graph::Graph g = residual();
  const auto session = engine::Session::create(g, {.reference_kernels_only = true, .rewrite = false});
  ASSERT_TRUE(session) << session.error().to_line();
  EXPECT_EQ((*session)->inputs()[0].spec.name, "x");
  EXPECT_EQ((*session)->outputs()[0].spec.shape, (tensor::Shape{1, 6, 6, 3}));
  ASSERT_EQ((*session)->nodes().size(), 3U);
  EXPECT_EQ((*session)->nodes()[0].kernel, "conv2d f32 reference");
  EXPECT_EQ((*session)->nodes()[0].macs, 36 * 9);
  EXPECT_GT((*session)->arena_bytes(), 0U);
  const auto rewritten = engine::Session::create(g, {});
  ASSERT_TRUE(rewritten) << rewritten.error().to_line();
  EXPECT_EQ((*rewritten)->nodes().size(), 2U) << "the activation is part of the convolution";
}

// Only where there are vector kernels, which pack.
TEST(Session, TellsWhichConstantsRunsDoNotRead) {
  const graph::Graph g = residual();
  std::vector<ByteView> told;
  const auto session = engine::Session::create(g, {.packed = [&](ByteView bytes) { told.push_back(bytes); }});
  ASSERT_TRUE(session) << session.error().to_line();
  if ((*session)->nodes()[0].kernel.ends_with("reference")) GTEST_SKIP() << "no vector kernels here";
  ASSERT_EQ(told.size(), 1U);
  const auto constant = std::ranges::find_if(g.tensors, [](const graph::Tensor& t) { return t.constant.has_value(); });
  EXPECT_EQ(told[0].data(), constant->constant->bytes().data());

  told.clear();
  const auto reference = engine::Session::create(
      g, {.reference_kernels_only = true, .packed = [&](ByteView bytes) { told.push_back(bytes); }});
  ASSERT_TRUE(reference) << reference.error().to_line();
  EXPECT_TRUE(told.empty()) << "reference kernels read the weights themselves";
}

TEST(Session, WhoseModelCanBeReadAgainKeepsNoWeightsTwice) {
  const graph::Graph g = residual();
  int reads = 0;
  const auto session = engine::Session::create(g, {.read_again = [&]() -> Result<graph::Graph> {
                                                 ++reads;
                                                 return g;
                                               }});
  const auto plain = engine::Session::create(g, {});
  ASSERT_TRUE(session && plain);
  EXPECT_EQ(reads, 0) << "the graph that it was made of is there";
  std::size_t constant_bytes = 0;
  for (const graph::Tensor& tensor : (*session)->planned_graph().tensors) {
    if (tensor.constant) constant_bytes += tensor.constant->bytes().size();
  }
  if (!(*session)->nodes()[0].kernel.ends_with("reference")) {
    EXPECT_EQ(constant_bytes, 0U);
  }
  const auto expect_same = [&] {
    lichen::testing::fill_seeded(**session, 3, -2, 2);
    lichen::testing::fill_seeded(**plain, 3, -2, 2);
    ASSERT_TRUE((*session)->run() && (*plain)->run());
    EXPECT_EQ(lichen::testing::floats_of((*session)->output(0)), lichen::testing::floats_of((*plain)->output(0)));
  };
  expect_same();
  const std::vector<tensor::Shape> larger = {{2, 4, 9, 3}};
  ASSERT_TRUE((*session)->resize(larger) && (*plain)->resize(larger));
  EXPECT_EQ(reads, 1);
  expect_same();
}

TEST(Session, NewInputShapesArePlannedAnew) {
  const graph::Graph g = residual();
  const auto session = engine::Session::create(g, {});
  ASSERT_TRUE(session) << session.error().to_line();
  const std::vector<tensor::Shape> larger = {{2, 4, 9, 3}};
  const auto resized = (*session)->resize(larger);
  ASSERT_TRUE(resized) << resized.error().to_line();
  EXPECT_EQ((*session)->outputs()[0].spec.shape, (tensor::Shape{2, 4, 9, 3}));
  EXPECT_EQ((*session)->input(0).size(), 2U * 4 * 9 * 3 * sizeof(float));
  ASSERT_TRUE((*session)->run());

  const std::vector<tensor::Shape> wrong = {{2, 4, 9}};
  EXPECT_FALSE((*session)->resize(wrong));
  EXPECT_EQ((*session)->outputs()[0].spec.shape, (tensor::Shape{2, 4, 9, 3})) << "the old plan stays";
}

TEST(Session, ARunEndsBetweenNodesWhenItIsCancelled) {
  const graph::Graph g = residual();
  const auto session = engine::Session::create(g, {});
  ASSERT_TRUE(session) << session.error().to_line();
  const std::atomic<bool> cancelled = true;
  const auto run = (*session)->run({.cancelled = &cancelled});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Code::kUnavailable);
}

TEST(Session, NotANumberPassesThrough) {
  const graph::Graph g = residual();
  for (const bool reference : {true, false}) {
    const auto session = engine::Session::create(g, {1, reference});
    ASSERT_TRUE(session) << session.error().to_line();
    const float nan = std::nanf("");
    std::memcpy((*session)->input(0).data(), &nan, sizeof nan);
    ASSERT_TRUE((*session)->run());
    EXPECT_TRUE(std::isnan(lichen::testing::floats_of((*session)->output(0))[0]));
  }
}

TEST(Session, MoreThreadsThanThereAreIsAnErrorNotASilentChange) {
  const graph::Graph g = residual();
  const auto session = engine::Session::create(g, {kernels::kThreadsMax + 1, false});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::kUnsupported);
}

TEST(Session, AGraphThatIsNotWholeIsRefused) {
  graph::Graph g = residual();
  g.nodes[1].inputs[0] = 40;
  const auto session = engine::Session::create(g, {});
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().to_line(), HasSubstr("node 1 Relu"));
}

}  // namespace
