// SPDX-License-Identifier: Apache-2.0
// What the closed forms reach on real handwritten digits that they were not fitted to.
#include "digits.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "engine/session.hpp"
#include "learn/closed_form.hpp"
#include "learn/random_features.hpp"
#include "learn/scores.hpp"

namespace lichen::learn {
namespace {

using lichen::testing::digits;
using lichen::testing::digits_split;

TEST(Digits, TheDataSetIsWhatItsReadmeSays) {
  EXPECT_EQ(digits().rows(), 1797u);
  EXPECT_EQ(digits().features, 64u);
  EXPECT_EQ(classes_of(digits()), 10u);
  EXPECT_EQ(*std::ranges::max_element(digits().values), 16.0F);
}

TEST(Digits, ARidgeOnPixelsIsRightMoreThanNineTimesOfTen) {
  const auto ridge = fit_ridge(digits_split().train, {});
  ASSERT_TRUE(ridge) << ridge.error().to_line();
  const double accuracy = confusion_of(*ridge, digits_split().held_out).accuracy();
  RecordProperty("accuracy", std::to_string(accuracy));
  EXPECT_GT(accuracy, 0.91);
}

TEST(Digits, CentroidsAreRightNearlyNineTimesOfTen) {
  const auto centroids = fit_centroids(digits_split().train);
  ASSERT_TRUE(centroids);
  EXPECT_GT(confusion_of(*centroids, digits_split().held_out).accuracy(), 0.87);
}

class RandomFeatures : public ::testing::Test {
 protected:
  static Result<graph::Graph> fit(std::uint64_t seed) {
    RandomFeatureOptions options;
    options.seed = seed;
    return fit_random_features(digits_split().train, {8, 8, 1}, options);
  }
  struct Measured {
    double accuracy = 0;
    double mean_confidence = 0;
  };
  static Measured measure(const graph::Graph& graph, const LabelledData& data) {
    auto session = engine::Session::create(graph, {});
    EXPECT_TRUE(session) << session.error().to_line();
    Confusion confusion(10);
    double confidence = 0;
    std::vector<float> probabilities(10);
    for (std::size_t i = 0; i < data.rows(); ++i) {
      std::memcpy((*session)->input(0).data(), data.row(i).data(), data.features * sizeof(float));
      EXPECT_TRUE((*session)->run());
      std::memcpy(probabilities.data(), (*session)->output(0).data(), 10 * sizeof(float));
      confusion.add(data.labels[i], top1(probabilities));
      confidence += double{*std::ranges::max_element(probabilities)} / static_cast<double>(data.rows());
    }
    return {confusion.accuracy(), confidence};
  }
};

TEST_F(RandomFeatures, AreRightNinetyEightTimesOfAHundredWhateverTheSeed) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto graph = fit(seed);
    ASSERT_TRUE(graph) << graph.error().to_line();
    const Measured held_out = measure(*graph, digits_split().held_out);
    RecordProperty("accuracy_" + std::to_string(seed), std::to_string(held_out.accuracy));
    EXPECT_GE(held_out.accuracy, 0.98) << "seed " << seed;
  }
}

TEST_F(RandomFeatures, AreAsSureAsTheyAreRight) {
  const auto graph = fit(1);
  ASSERT_TRUE(graph);
  const Measured held_out = measure(*graph, digits_split().held_out);
  EXPECT_NEAR(held_out.mean_confidence, held_out.accuracy, 0.03);
}

TEST_F(RandomFeatures, TheSameSeedGivesTheSameNetwork) {
  const auto a = fit(4);
  const auto b = fit(4);
  const auto c = fit(5);
  ASSERT_TRUE(a && b && c);
  const auto same = [](const graph::Graph& x, const graph::Graph& y) {
    for (std::size_t i = 0; i < x.tensors.size(); ++i) {
      if (!x.tensors[i].constant) continue;
      if (!std::ranges::equal(x.tensors[i].constant->bytes(), y.tensors[i].constant->bytes())) return false;
    }
    return true;
  };
  EXPECT_TRUE(same(*a, *b));
  EXPECT_FALSE(same(*a, *c));
}

TEST_F(RandomFeatures, RefusesOptionsThatDoNotFitTheImages) {
  const LabelledData& train = digits_split().train;
  RandomFeatureOptions pool;
  pool.pool = 3;
  EXPECT_FALSE(fit_random_features(train, {8, 8, 1}, pool));
  RandomFeatureOptions even;
  even.filter_size = 4;
  EXPECT_FALSE(fit_random_features(train, {8, 8, 1}, even));
  EXPECT_FALSE(fit_random_features(train, {8, 8, 3}, {}));
  EXPECT_FALSE(fit_random_features({}, {8, 8, 1}, {}));
}

}  // namespace
}  // namespace lichen::learn
