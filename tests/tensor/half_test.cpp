// SPDX-License-Identifier: Apache-2.0
#include "tensor/half.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace lichen::tensor {
namespace {

// A half's value by its definition.
double value_of(std::uint32_t half) {
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const auto fraction = static_cast<double>(half & 0x3FFU);
  const double sign = (half & 0x8000U) != 0 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  if (exponent == 31) return fraction == 0 ? sign * HUGE_VAL : NAN;
  return sign * std::ldexp(1024 + fraction, static_cast<int>(exponent) - 25);
}

TEST(Half, EveryHalfHasTheValueOfItsDefinitionAndComesBackAsItWas) {
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const float value = float_of_half(static_cast<std::uint16_t>(half));
    const double wanted = value_of(half);
    ASSERT_EQ(std::signbit(value), (half & 0x8000U) != 0) << half;
    if (std::isnan(wanted)) {
      ASSERT_TRUE(std::isnan(value)) << half;
      ASSERT_TRUE(std::isnan(float_of_half(half_of_float(value)))) << half;
      continue;
    }
    ASSERT_EQ(static_cast<double>(value), wanted) << half;
    ASSERT_EQ(half_of_float(value), half);
  }
}

TEST(Half, FloatsBetweenTwoHalvesGoToTheNearerAndFromTheMiddleToTheEvenOne) {
  for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
    const float low = float_of_half(half);
    const float high = float_of_half(static_cast<std::uint16_t>(half + 1));
    const float middle = 0.5F * (low + high);  // exact
    ASSERT_EQ(half_of_float(middle), half + (half & 1)) << half;
    ASSERT_EQ(half_of_float(std::nextafter(middle, low)), half);
    ASSERT_EQ(half_of_float(std::nextafter(-middle, -high)), 0x8000 + half + 1);
  }
}

TEST(Half, WhatIsTooLargeIsInfinite) {
  EXPECT_EQ(half_of_float(65519.0F), 0x7BFF);
  EXPECT_EQ(half_of_float(65520.0F), 0x7C00);
  EXPECT_EQ(half_of_float(-1e30F), 0xFC00);
  EXPECT_EQ(half_of_float(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_EQ(half_of_float(1e-30F), 0);
}

}  // namespace
}  // namespace lichen::tensor
