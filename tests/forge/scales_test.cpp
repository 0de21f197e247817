// SPDX-License-Identifier: Apache-2.0
#include "forge/scales.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lichen::forge {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;

TEST(Scales, AnActivationRangeCoversItsEndsAndHasAnExactZero) {
  for (const Range range : {Range{-1, 3}, Range{0, 6}, Range{-5, -2}, Range{2, 9}, Range{-1e-6F, 1e6F}}) {
    const tensor::Quantization q = activation_quantization(range);
    const double low = (-128.0 - q.zero_point()) * double{q.scale()};
    const double high = (127.0 - q.zero_point()) * double{q.scale()};
    EXPECT_LE(low, std::min(0.0F, range.min) + q.scale() * 0.51F);
    EXPECT_GE(high, std::max(0.0F, range.max) - q.scale() * 0.51F);
    EXPECT_GE(q.zero_point(), -128);
    EXPECT_LE(q.zero_point(), 127);
  }
}

TEST(Scales, PositiveRangesUseAllSteps) {
  const tensor::Quantization q = activation_quantization({0, 25.5F});
  EXPECT_FLOAT_EQ(q.scale(), 0.1F);
  EXPECT_EQ(q.zero_point(), -128);
}

TEST(Scales, ARangeOfNothingButZeroIsStillAScale) {
  const tensor::Quantization q = activation_quantization({0, 0});
  EXPECT_GT(q.scale(), 0);
  const tensor::Quantization tiny = activation_quantization({0, 1e-44F});
  EXPECT_TRUE(std::isnormal(tiny.scale()));
}

TEST(Scales, EachChannelsLargestWeightBecomes127) {
  const std::vector<float> weights = {0.5F, -1.0F, 100.0F, 50.0F};  // [2 channels, 2]
  const QuantizedWeights q = quantize_weights(weights, {}, {2, 2}, 0, 0.1F);
  EXPECT_THAT(q.values, ElementsAre(64, -127, 127, 64));
  EXPECT_THAT(q.quantization.scales, ElementsAre(1.0F / 127, 100.0F / 127));
  EXPECT_THAT(q.quantization.zero_points, Each(0));
}

TEST(Scales, ChannelsMayBeTheLastAxis) {
  const std::vector<float> weights = {1, 100, -1, -50};  // [2, 2 channels]
  const QuantizedWeights q = quantize_weights(weights, {}, {2, 1}, 3, 0.1F);
  EXPECT_THAT(q.values, ElementsAre(127, 127, -127, -64));
  EXPECT_EQ(q.quantization.axis, 3u);
}

TEST(Scales, BiasIsInStepsOfInputTimesWeight) {
  const QuantizedWeights q = quantize_weights(std::vector<float>{1.27F}, std::vector<float>{0.5F}, {1, 1}, 0, 0.1F);
  EXPECT_THAT(q.bias, ElementsAre(500));
}

TEST(Scales, ABiasThatIsHugeBesideItsWeightsDoesNotOverflow) {
  const std::vector<float> weights = {1e-20F, 0.0F, 0.0F};
  const std::vector<float> bias = {1e6F, 3.0F, 0.0F};
  const QuantizedWeights q = quantize_weights(weights, bias, {3, 1}, 0, 0.01F);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_THAT(std::abs(q.bias[c]), Le(1 << 30));
    EXPECT_NEAR(static_cast<double>(q.bias[c]) * 0.01 * double{q.quantization.scale(c)}, double{bias[c]},
                1e-5 * double{bias[c]});
  }
}

}  // namespace
}  // namespace lichen::forge
