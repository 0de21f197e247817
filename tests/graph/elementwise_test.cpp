// SPDX-License-Identifier: Apache-2.0
// Type and shape rules of ops on elements, reductions, casts and quantization.
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

struct In {
  DType dtype;
  Shape shape;
  std::vector<std::int64_t> values = {};  // of an i64 constant; else the tensor is a graph input
  bool scaled = false;
  bool is_constant = false;
};
In constant(std::vector<std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return {DType::kI64, Shape{count}, std::move(values), false, true};
}
In scaled(DType dtype, Shape shape) {
  return {dtype, shape, {}, true, false};
}

Result<OutputTypes> infer(Op op, Attributes attributes, const std::vector<In>& inputs) {
  Graph g;
  Node node{op, "node", std::move(attributes), {}, {}};
  for (const In& in : inputs) {
    const std::string name = "in" + std::to_string(node.inputs.size());
    if (in.is_constant) {
      node.inputs.push_back(g.add_constant(name, in.shape, std::span<const std::int64_t>(in.values)));
    } else {
      node.inputs.push_back(
          g.add(name, in.dtype, in.shape, in.scaled ? tensor::per_tensor(0.5F, 3) : tensor::Quantization{}));
    }
  }
  node.outputs.push_back(g.add_unknown("out"));
  g.nodes.push_back(node);
  return infer_node(g, 0);
}

void expect(Result<OutputTypes> types, DType dtype, const Shape& shape) {
  ASSERT_TRUE(types) << types.error().to_line();
  ASSERT_TRUE(types->front().shape.has_value());
  EXPECT_EQ(*types->front().shape, shape);
  EXPECT_EQ(types->front().dtype, dtype);
}

void expect_refused(const Result<OutputTypes>& types, const char* why) {
  ASSERT_FALSE(types);
  EXPECT_THAT(types.error().to_line(), HasSubstr(why));
}

constexpr DType kF32 = DType::kF32;

TEST(Elementwise, ComparisonsGiveBoolsOfTheJointShape) {
  expect(infer(Op::kLess, ElementwiseAttributes{}, {{kF32, {2, 1, 3}}, {kF32, {4, 1}}}), DType::kBool, {2, 4, 3});
  expect(infer(Op::kEqual, ElementwiseAttributes{}, {{DType::kBool, {2}}, {DType::kBool, {}}}), DType::kBool, {2});
  expect(infer(Op::kIsNan, UnaryAttributes{}, {{kF32, {5}}}), DType::kBool, {5});
}

TEST(Elementwise, IntegersWithAndWithoutScaleAreNotMixed) {
  expect(infer(Op::kAdd, ElementwiseAttributes{}, {{DType::kI8, {2}}, {DType::kI8, {2}}}), DType::kI8, {2});
  expect_refused(infer(Op::kAdd, ElementwiseAttributes{}, {scaled(DType::kI8, {2}), {DType::kI8, {2}}}),
                 "only one of it");
  expect_refused(infer(Op::kSub, ElementwiseAttributes{}, {{DType::kI32, {2}}, {DType::kI64, {2}}}), "i64 beside");
}

TEST(Elementwise, TypesThatAnOpDoesNotTakeAreRefused) {
  expect_refused(infer(Op::kExp, UnaryAttributes{}, {{DType::kI32, {2}}}), "i32 without a scale is not computed");
  expect_refused(infer(Op::kLogicalNot, UnaryAttributes{}, {{kF32, {2}}}), "f32 without a scale is not computed");
  expect_refused(infer(Op::kAbs, UnaryAttributes{}, {{DType::kF16, {2}}}), "f16");
  expect_refused(infer(Op::kBitwiseAnd, ElementwiseAttributes{}, {{kF32, {2}}, {kF32, {2}}}), "f32");
}

TEST(Elementwise, PowTakesAnExponentOfAnotherType) {
  expect(infer(Op::kPow, ElementwiseAttributes{}, {{DType::kI32, {2, 3}}, {kF32, {3}}}), DType::kI32, {2, 3});
}

TEST(Select, AllThreeAreBroadcast) {
  expect(infer(Op::kWhere, NoAttributes{}, {{DType::kBool, {4, 1, 1}}, {DType::kI16, {3, 1}}, {DType::kI16, {2}}}),
         DType::kI16, {4, 3, 2});
  expect_refused(infer(Op::kWhere, NoAttributes{}, {{kF32, {2}}, {kF32, {2}}, {kF32, {2}}}), "bool is needed");
  expect_refused(infer(Op::kClip, NoAttributes{}, {{kF32, {2}}, {kF32, {2}}}), "one value is needed");
  expect_refused(infer(Op::kPRelu, NoAttributes{}, {{kF32, {2, 1}}, {kF32, {2, 3}}}), "slopes");
}

TEST(Reduce, AxesLeaveOnesOrNothing) {
  expect(infer(Op::kReduceMean, ReduceAttributes{true}, {{kF32, {2, 3, 4}}, constant({1, -1})}), kF32, {2, 1, 1});
  expect(infer(Op::kReduceMean, ReduceAttributes{false}, {{kF32, {2, 3, 4}}, constant({-2})}), kF32, {2, 4});
  expect(infer(Op::kReduceSum, ReduceAttributes{false}, {{kF32, {2, 3}}}), kF32, Shape{});
  expect(infer(Op::kReduceSum, ReduceAttributes{true, true}, {{kF32, {2, 3}}, constant({})}), kF32, {2, 3});
  expect(infer(Op::kReduceMax, ReduceAttributes{true}, {{kF32, {2, 0}}, constant({1})}), kF32, {2, 1});
}

TEST(Reduce, AxesOutsideOfTheRankAreRefused) {
  expect_refused(infer(Op::kReduceMax, ReduceAttributes{}, {{kF32, {2, 3}}, constant({2})}), "axis 2 of rank 2");
  expect_refused(infer(Op::kReduceMax, ReduceAttributes{}, {{kF32, {}}, constant({0})}), "axis 0 of rank 0");
  expect_refused(infer(Op::kArgMax, ArgAttributes{5}, {{kF32, {2, 3}}}), "axis 5");
  expect_refused(infer(Op::kCumSum, CumSumAttributes{}, {{kF32, {2, 3}}, constant({-3})}), "axis -3");
}

TEST(Reduce, AnAxisThatIsComputedLeavesTheShapeOpen) {
  const auto types = infer(Op::kReduceSum, ReduceAttributes{}, {{kF32, {2, 3}}, {DType::kI64, {1}}});
  ASSERT_TRUE(types);
  EXPECT_FALSE(types->front().shape.has_value());
}

TEST(Reduce, PlacesAndTheBest) {
  expect(infer(Op::kArgMax, ArgAttributes{-1, false, false, DType::kI32}, {{kF32, {2, 3}}}), DType::kI32, {2});
  expect_refused(infer(Op::kArgMax, ArgAttributes{1}, {{kF32, {2, 0}}}), "no elements along axis 1");
  const auto types = infer(Op::kTopK, TopKAttributes{1}, {{kF32, {2, 5}}, constant({3})});
  expect(types, kF32, {2, 3});
  EXPECT_EQ((*types)[1].dtype, DType::kI64);
  expect_refused(infer(Op::kTopK, TopKAttributes{1}, {{kF32, {2, 5}}, constant({6})}), "the 6 best of 5");
}

TEST(Cast, GivesTheTypeOfItsAttribute) {
  expect(infer(Op::kCast, CastAttributes{DType::kF16}, {{DType::kBool, {2}}}), DType::kF16, {2});
}

TEST(QuantizeLinear, ScalesAreOneOrOneASliceOrOneABlock) {
  const auto quantize = [](std::int32_t axis, std::int32_t block, Shape scale) {
    return infer(Op::kQuantizeLinear, QuantizeLinearAttributes{axis, block, DType::kI8},
                 {{kF32, {2, 6}}, {kF32, scale}});
  };
  expect(quantize(1, 0, {}), DType::kI8, {2, 6});
  expect(quantize(-1, 0, {6}), DType::kI8, {2, 6});
  expect(quantize(1, 4, {2, 2}), DType::kI8, {2, 6});
  expect_refused(quantize(1, 0, {2}), "scales [2] along axis 1");
  expect_refused(quantize(1, 4, {2, 3}), "blocks of 4");
  expect_refused(quantize(2, 0, {6}), "axis 2 of rank 2");
}

TEST(IntegerLayers, MatricesAreBroadcastAndVectorsLoseTheirDimension) {
  expect(infer(Op::kMatMulInteger, NoAttributes{}, {{DType::kU8, {5, 1, 2, 3}}, {DType::kI8, {4, 3, 6}}}), DType::kI32,
         {5, 4, 2, 6});
  expect(infer(Op::kMatMulInteger, NoAttributes{}, {{DType::kU8, {3}}, {DType::kI8, {4, 3, 6}}}), DType::kI32, {4, 6});
  expect_refused(infer(Op::kMatMulInteger, NoAttributes{}, {{DType::kU8, {2, 3}}, {DType::kU8, {2, 3}}}),
                 "does not go with");
  expect_refused(
      infer(Op::kMatMulInteger, NoAttributes{}, {{DType::kU8, {2, 3}}, {DType::kU8, {3, 2}}, {DType::kU8, {3}}}),
      "3 zero points");
}

}  // namespace
