// SPDX-License-Identifier: Apache-2.0
#include "tensor/quantization.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace {

using namespace lichen;
using namespace lichen::tensor;

TEST(Quantization, SoundOnesPass) {
  EXPECT_TRUE(check({}, DType::kF32, {2, 3}, "t"));
  EXPECT_TRUE(check(per_tensor(0.5F, -128), DType::kI8, {2, 3}, "t"));
  EXPECT_TRUE(check({{0.1F, 0.2F, 0.3F}, {0, 0, 0}, 1}, DType::kI8, {2, 3}, "t"));
}

TEST(Quantization, BadScalesZeroPointsAndAxesAreRefused) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float scale : {0.0F, -1.0F, nan, infinity})
    EXPECT_FALSE(check(per_tensor(scale, 0), DType::kI8, {2}, "t")) << scale;
  EXPECT_FALSE(check(per_tensor(1.0F, 128), DType::kI8, {2}, "t"));
  EXPECT_FALSE(check(per_tensor(1.0F, -1), DType::kU8, {2}, "t"));
  EXPECT_FALSE(check({{0.1F, 0.2F}, {0, 0}, 1}, DType::kI8, {2, 3}, "t"));
  EXPECT_FALSE(check({{0.1F, 0.2F}, {0, 0}, 2}, DType::kI8, {2, 3}, "t"));
  EXPECT_FALSE(check({{0.1F, 0.2F}, {0}, 0}, DType::kI8, {2, 3}, "t"));
  EXPECT_FALSE(check({{}, {1}, 0}, DType::kI8, {2, 3}, "t"));
}

}  // namespace
