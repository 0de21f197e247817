// SPDX-License-Identifier: Apache-2.0
// Sizes that Resize and Pad make, and what they refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/ops/schema.hpp"
#include "graph/verify.hpp"

namespace {

using namespace lichen;
using namespace lichen::graph;
using tensor::DType;
using tensor::Shape;
using ::testing::HasSubstr;

using Integers = std::vector<std::int64_t>;

Result<OutputTypes> infer(Op op, Attributes attributes, DType dtype, const Shape& shape, const Integers& parameter,
                          bool scaled = false) {
  Graph g;
  Node node{op, "node", std::move(attributes), {}, {}};
  node.inputs.push_back(g.add("x", dtype, shape, scaled ? tensor::per_tensor(0.5F, 3) : tensor::Quantization{}));
  const Shape count{static_cast<std::int64_t>(parameter.size())};
  node.inputs.push_back(g.add_constant("parameter", count, std::span<const std::int64_t>(parameter)));
  node.outputs.push_back(g.add_unknown("out"));
  g.nodes.push_back(node);
  return infer_node(g, 0);
}

void expect(const Result<OutputTypes>& types, const Shape& shape) {
  ASSERT_TRUE(types) << types.error().to_line();
  EXPECT_EQ(types->front().shape, std::optional(shape));
}

void expect_refused(const Result<OutputTypes>& types, const char* why) {
  ASSERT_FALSE(types);
  EXPECT_THAT(types.error().to_line(), HasSubstr(why));
}

ResizeAttributes aspect(AspectPolicy policy) {
  ResizeAttributes a;
  a.aspect = policy;
  a.axes = {1, 2};
  return a;
}

ResizeAttributes region() {
  ResizeAttributes a;
  a.coordinates = Coordinates::kTfCropAndResize;
  a.roi = {0.0F, 0.5F, 1.0F, 1.5F};
  return a;
}

TEST(Resize, OneScaleKeepsTheAspectOfTheListedAxes) {
  const Shape x{1, 4, 8};
  expect(infer(Op::kResize, aspect(AspectPolicy::kStretch), DType::kF32, x, {6, 24}), {1, 6, 24});
  expect(infer(Op::kResize, aspect(AspectPolicy::kNotLarger), DType::kF32, x, {6, 24}), {1, 6, 12});
  expect(infer(Op::kResize, aspect(AspectPolicy::kNotSmaller), DType::kF32, x, {6, 24}), {1, 12, 24});
}

TEST(Resize, SizesBeyondAnyTensorAreRefused) {
  constexpr std::int64_t kMuch = std::int64_t{1} << 30;
  const Shape x{1, 1, kMuch};
  expect_refused(infer(Op::kResize, aspect(AspectPolicy::kNotSmaller), DType::kU8, x, {kMuch, 1}), "is scaled by");
  expect_refused(infer(Op::kResize, aspect(AspectPolicy::kStretch), DType::kU8, x, {kMuch * 4, 1}), "becomes");
  expect_refused(infer(Op::kResize, aspect(AspectPolicy::kStretch), DType::kU8, x, {-1, 1}), "becomes");
}

TEST(Resize, ARegionIsOfPlainNumbers) {
  expect(infer(Op::kResize, region(), DType::kF32, {4, 4}, {3, 5}), {3, 5});
  expect_refused(infer(Op::kResize, region(), DType::kF16, {4, 4}, {3, 5}), "a region of half floats");
  expect_refused(infer(Op::kResize, region(), DType::kI8, {4, 4}, {3, 5}, true), "a region of half floats");
  expect_refused(infer(Op::kResize, region(), DType::kF32, {4, 4, 4}, {3, 5, 6}), "a region of 4 numbers for 3 axes");
}

TEST(Resize, PlainIntegersAreNotAntialiased) {
  ResizeAttributes a;
  a.mode = ResizeMode::kLinear;
  expect(infer(Op::kResize, a, DType::kU8, {4, 4}, {3, 5}), {3, 5});
  a.antialias = true;
  expect(infer(Op::kResize, a, DType::kF32, {4, 4}, {3, 5}), {3, 5});
  expect(infer(Op::kResize, a, DType::kU8, {4, 4}, {3, 5}, true), {3, 5});
  expect_refused(infer(Op::kResize, a, DType::kU8, {4, 4}, {3, 5}), "antialiasing of");
}

TEST(Pad, NegativePadsCutAndNothingIsRepeatedFromNothing) {
  expect(infer(Op::kPad, PadAttributes{}, DType::kF32, {4, 5}, {1, -2, 3, 0}), {8, 3});
  expect_refused(infer(Op::kPad, PadAttributes{}, DType::kF32, {4, 5}, {-3, 0, -2, 0}), "pads -3 and -2");
  expect_refused(infer(Op::kPad, PadAttributes{.mode = PadMode::kWrap}, DType::kF32, {4, 5}, {-4, 0, 1, 0}),
                 "has nothing to pad from");
}

}  // namespace
