// SPDX-License-Identifier: Apache-2.0
// Packed weights against their description in kernels/panels.hpp, element by element.
#include "kernels/panels.hpp"

#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace {

using namespace lichen::kernels;

struct Layer {
  Index units;
  Pattern pattern;
  [[nodiscard]] Index segments() const { return static_cast<Index>(pattern.offsets.size()); }
  [[nodiscard]] Index depth() const { return segments() * pattern.length; }
};

Layer random_layer(std::mt19937& random) {
  Layer layer{static_cast<Index>(1 + random() % 50), {}};
  layer.pattern.length = static_cast<Index>(1 + random() % 70);
  layer.pattern.offsets.resize(1 + random() % 3);
  return layer;
}

template <typename T>
std::vector<T> random_weights(std::mt19937& random, const Layer& layer) {
  std::vector<T> weights(static_cast<std::size_t>(layer.units * layer.depth()));
  for (T& weight : weights) weight = static_cast<T>(random() % 256);
  return weights;
}

// At an odd address, as a file may have them.
std::vector<std::byte> misaligned(const std::vector<float>& weights) {
  std::vector<std::byte> bytes(1 + weights.size() * sizeof(float));
  std::memcpy(bytes.data() + 1, weights.data(), bytes.size() - 1);
  return bytes;
}

void expect_packed_floats(bool is_scaled) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const Layer layer = random_layer(random);
    const auto weights = random_weights<float>(random, layer);
    const auto stored = misaligned(weights);
    std::vector<float> scales;
    for (Index c = 0; c < layer.units; ++c) scales.push_back(is_scaled ? 0.1F * static_cast<float>(random() % 100) : 1.0F);
    for (const Index multiple : {Index{8}, kPanel}) {
      const auto packed =
          pack_f32({stored.data() + 1, is_scaled ? scales.data() : nullptr}, layer.units, layer.pattern, multiple);
      ASSERT_EQ(packed.size(), packed_f32_count(layer.units, layer.pattern, multiple));
      const Index padded = panel_channels(layer.units, multiple);
      for (Index c = 0; c < padded; ++c) {
        const Index first = c / kPanel * kPanel;
        const Index width = std::min(kPanel, padded - first);
        for (Index i = 0; i < layer.depth(); ++i) {
          const float wanted = c < layer.units ? weights[static_cast<std::size_t>(c * layer.depth() + i)] *
                                                     scales[static_cast<std::size_t>(c)]
                                               : 0.0F;
          ASSERT_EQ(packed[static_cast<std::size_t>(first * layer.depth() + i * width + c - first)], wanted);
        }
      }
    }
  }
}

TEST(Panels, OfFloatsHoldTheWeightsOfSixteenChannelsSideBySide) {
  expect_packed_floats(false);
}

TEST(Panels, OfFloatsAreScaledByUnitOnTheWay) {
  expect_packed_floats(true);
}

// What the lanes of a channel begin with: its bias, less the input's zero point times the sum of its weights.
template <typename T>
void expect_packed_bytes(unsigned seed) {
  constexpr std::int32_t kUnsigned = std::is_signed_v<T> ? 0 : 128;
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    const Layer layer = random_layer(random);
    const auto weights = random_weights<T>(random, layer);
    std::vector<std::int32_t> bias(static_cast<std::size_t>(layer.units));
    for (std::int32_t& b : bias) b = static_cast<std::int32_t>(random() % 1000) - 500;
    const std::vector<Multiplier> multipliers(bias.size(), Multiplier{1 << 30, -3});
    Requantization q;
    q.in_zero_point = 3;
    q.weights_zero_point = kUnsigned - 7;
    q.multipliers = multipliers;
    const PackedBytes packed = pack_bytes(weights.data(), bias.data(), layer.units, layer.pattern, q);
    ASSERT_EQ(packed.weights.size(), packed_bytes_count(layer.units, layer.pattern));
    const Index quads = (layer.pattern.length + 3) / 4;
    for (Index c = 0; c < panel_channels(layer.units, kPanel); ++c) {
      std::int32_t sum = 0;
      for (Index s = 0; s < layer.segments(); ++s) {
        for (Index i = 0; i < quads * 4; ++i) {
          const bool exists = c < layer.units && i < layer.pattern.length;
          const auto from = static_cast<std::size_t>(c * layer.depth() + s * layer.pattern.length + i);
          const std::int32_t wanted = exists ? weights[from] - kUnsigned : 0;
          const Index at = (((c / kPanel * layer.segments() + s) * quads + i / 4) * kPanel + c % kPanel) * 4 + i % 4;
          ASSERT_EQ(packed.weights[static_cast<std::size_t>(at)], wanted) << c << ", " << s << ", " << i;
          sum += wanted;
        }
      }
      if (c >= layer.units) continue;
      const auto lane = static_cast<std::size_t>((c / kPanel * kLaneParts + kLaneBias) * kPanel + c % kPanel);
      ASSERT_EQ(packed.lanes[lane], bias[static_cast<std::size_t>(c)] - packed.in_zero_point * sum);
    }
    EXPECT_TRUE(packed.bounded);
  }
}

TEST(Panels, OfSignedBytesHoldFourElementsOfAChannelTogether) {
  expect_packed_bytes<std::int8_t>(2);
}

TEST(Panels, OfUnsignedBytesAreMovedToSignedOnes) {
  expect_packed_bytes<std::uint8_t>(3);
}

// 2^22 weights that are 200 away from their zero point, by inputs of up to 255, are more than 2^30.
TEST(Panels, KnowWhenSumsMayBecomeTooLarge) {
  Layer layer{1, {}};
  layer.pattern.length = 1 << 22;
  layer.pattern.offsets.resize(1);
  const std::vector<std::int8_t> weights(std::size_t{1} << 22, 100);
  const std::vector<Multiplier> multipliers(1, Multiplier{1 << 30, -3});
  Requantization q;
  q.weights_zero_point = -100;
  q.multipliers = multipliers;
  EXPECT_FALSE(pack_bytes(weights.data(), nullptr, 1, layer.pattern, q).bounded);
  layer.pattern.length = 1 << 10;
  EXPECT_TRUE(pack_bytes(weights.data(), nullptr, 1, layer.pattern, q).bounded);
}

}  // namespace
