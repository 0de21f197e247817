// SPDX-License-Identifier: Apache-2.0
// The table of engines, and our own engine behind its interface.
#include "backends/backend.hpp"

#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "formats/tflite.hpp"
#include "graph/graph.hpp"
#include "onnx/onnx.hpp"
#include "posix/library.hpp"

namespace lichen::backends {
namespace {

graph::Graph negation(std::int64_t batch) {
  graph::Graph graph;
  graph.name = "negation";
  const auto x = graph.add("x", tensor::DType::kF32, {batch, 3});
  const auto y = graph.add("y", tensor::DType::kF32, {batch, 3});
  graph.inputs = {x};
  graph.outputs = {y};
  graph.nodes.push_back({graph::Op::kNeg, "neg", graph::UnaryAttributes{}, {x}, {y}});
  return graph;
}

class Backends : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Runner>> load(std::string_view backend, const ModelSource& source,
                                       const LoadOptions& options = {}) {
    const Backend& found = *LICHEN_TRY(named(backend));
    return backends::load(found, source, options, {libraries_, "/no/such/library.so"});
  }
  posix::Libraries libraries_;
};

TEST_F(Backends, HaveNamesOfTheirOwnAndReadSomething) {
  std::set<std::string_view> names;
  for (const Backend& backend : all()) {
    EXPECT_TRUE(names.insert(backend.name).second) << backend.name;
    EXPECT_FALSE(backend.reads.empty()) << backend.name;
  }
  EXPECT_EQ(all().front().name, "native");
}

TEST_F(Backends, AnUnknownNameIsRefusedWithTheKnownOnes) {
  const auto found = named("abacus");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kBadInput);
  for (const Backend& backend : all()) EXPECT_NE(found.error().hint.find(backend.name), std::string::npos);
}

TEST_F(Backends, TellFormatsByContentBeforeTheEnding) {
  const Bytes tflite = *formats::write_tflite(negation(1));
  const Bytes onnx = *formats::write_onnx(negation(1));
  EXPECT_EQ(format_of({"a.onnx", tflite}), Format::kTflite);
  EXPECT_EQ(format_of({"a.onnx", onnx}), Format::kOnnx);
  EXPECT_EQ(format_of({"a.bin", onnx}), Format::kTflite);  // and is refused as one
  EXPECT_EQ(format_of({"a.onnx", {}}), Format::kOnnx);
}

TEST_F(Backends, AFormatThatAnEngineDoesNotReadIsUnsupportedBeforeItsLibraryIsLookedFor) {
  const Bytes tflite = *formats::write_tflite(negation(1));
  const auto runner = load("onnxruntime", {"a.tflite", tflite});
  ASSERT_FALSE(runner);
  EXPECT_EQ(runner.error().code, Code::kUnsupported);
  EXPECT_NE(runner.error().to_line().find("reads no .tflite"), std::string::npos) << runner.error().to_line();
  EXPECT_NE(runner.error().hint.find("lichen convert"), std::string::npos);
}

TEST_F(Backends, OursIsAlwaysThereAndNeedsNoLibrary) {
  const Backend& native = *named("native").value();
  EXPECT_TRUE(native.version({libraries_, {}}).has_value());
  EXPECT_TRUE(native.library_variable.empty());
}

TEST_F(Backends, OursRunsBothFormatsAndTellsItsNodesAndMemory) {
  const float given[] = {1, -2, 3};
  const float wanted[] = {-1, 2, -3};
  for (const auto& [name, file] : {std::pair{"a.tflite", *formats::write_tflite(negation(1))},
                                   std::pair{"a.onnx", *formats::write_onnx(negation(1))}}) {
    auto runner = load("native", {name, file});
    ASSERT_TRUE(runner) << runner.error().to_line();
    Runner& ran = **runner;
    EXPECT_EQ(ran.engine().name, "native");
    ASSERT_EQ(ran.inputs().size(), 1U);
    EXPECT_EQ(ran.inputs()[0].spec.shape, (tensor::Shape{1, 3}));
    std::memcpy(ran.input(0).data(), given, sizeof given);
    ASSERT_TRUE(ran.run());
    EXPECT_EQ(std::memcmp(ran.output(0).data(), wanted, sizeof wanted), 0) << name;
    EXPECT_EQ(ran.nodes().size(), 1U);
    EXPECT_TRUE(ran.memory().has_value());
  }
}

TEST_F(Backends, OursTakesShapesFromTheDataWhereTheModelLeavesSizesOpen) {
  graph::Graph open = negation(1);
  open.free_dimensions.push_back({0, 0, "batch"});
  const Bytes file = *formats::write_onnx(open);
  const auto shape_with = [&](const LoadOptions& options) {
    const auto runner = load("native", {"a.onnx", file}, options);
    EXPECT_TRUE(runner) << runner.error().to_line();
    return (*runner)->inputs()[0].spec.shape;
  };
  EXPECT_EQ(shape_with({}), (tensor::Shape{1, 3}));
  EXPECT_EQ(shape_with({.data_shapes = {{5, 3}}}), (tensor::Shape{5, 3}));
  EXPECT_EQ(shape_with({.data_shapes = {{15}}}), (tensor::Shape{1, 3}));  // of another rank: values in a row
  EXPECT_EQ(shape_with({.data_shapes = {tensor::Shape::unknown()}}), (tensor::Shape{1, 3}));
  EXPECT_EQ(shape_with({.input_shapes = {{7, 3}}, .data_shapes = {{5, 3}}}), (tensor::Shape{7, 3}));
}

}  // namespace
}  // namespace lichen::backends
