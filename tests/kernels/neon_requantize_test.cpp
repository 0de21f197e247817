// SPDX-License-Identifier: Apache-2.0
// NEON's fixed-point arithmetic beside the plain one, on numbers that round, tie, wrap and saturate.
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/fixed_point.hpp"
#include "kernels/neon/requantize.hpp"

namespace {

using namespace lichen::kernels;

std::vector<std::int32_t> interesting_sums() {
  std::vector<std::int32_t> sums = {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  for (std::int32_t bit = 1; bit > 0 && bit <= 1 << 30; bit = bit == 1 << 30 ? 0 : bit * 2) {
    for (const std::int32_t near : {-1, 0, 1}) {
      sums.push_back(bit + near);
      sums.push_back(-bit + near);
    }
  }
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) sums.push_back(static_cast<std::int32_t>(random()));
  for (int i = 0; i < 200; ++i) sums.push_back(static_cast<std::int32_t>(random() % 200001) - 100000);
  return sums;
}

// 2^30 is one half: with it, every second product ends in a tie.
constexpr std::int32_t kValues[] = {1 << 30, (1 << 30) + 1, 1518500250, 1234567890, 2147483647};

TEST(NeonFixedPoint, MultipliesAsThePlainOneDoes) {
  for (const std::int32_t value : kValues) {
    for (std::int32_t shift = -31; shift <= 29; ++shift) {
      const Multiplier m{value, shift};
      for (const std::int32_t sum : interesting_sums()) {
        const std::int32_t found = vgetq_lane_s32(neon::multiply(vdupq_n_s32(sum), neon::lanes_of(m)), 3);
        ASSERT_EQ(found, multiply(sum, m)) << sum << " * " << value << " * 2^" << shift - 31;
      }
    }
  }
}

TEST(NeonFixedPoint, RoundsOnceAsThePlainOneDoes) {
  for (const std::int32_t value : kValues) {
    for (std::int32_t shift = -31; shift <= 29; ++shift) {
      const Multiplier m{value, shift};
      const neon::Lanes lanes{vdupq_n_s32(value), vdupq_n_s32(0), vdupq_n_s32(31 - shift)};
      for (const std::int32_t sum : interesting_sums()) {
        const int32x4_t found = neon::multiply_rounding_once(vdupq_n_s32(sum), lanes);
        ASSERT_EQ(vgetq_lane_s32(found, 0), multiply_rounding_once(sum, m)) << sum << " " << value << " " << shift;
        ASSERT_EQ(vgetq_lane_s32(found, 3), multiply_rounding_once(sum, m)) << sum << " " << value << " " << shift;
      }
    }
  }
}

}  // namespace
