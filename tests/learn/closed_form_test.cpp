// SPDX-License-Identifier: Apache-2.0
#include "learn/closed_form.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mix.hpp"
#include "learn/scores.hpp"

namespace lichen::learn {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

float uniform(SplitMix64& random) {
  return static_cast<float>(random.below(2001)) / 1000.0F - 1.0F;
}

// Three classes around three points; the last one is rare.
LabelledData clouds() {
  SplitMix64 random(7);
  LabelledData data;
  data.features = 2;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::uint32_t label = i % 30 == 0 ? 2 : static_cast<std::uint32_t>(i % 2);
    const float x = label == 0 ? -2.0F : label == 1 ? 2.0F : 0.0F;
    const float y = label == 2 ? 3.0F : -1.0F;
    data.append(std::vector<float>{x + uniform(random), y + uniform(random)}, label);
  }
  return data;
}

TEST(Cholesky, SolvesASystemThatWasSolvedByHand) {
  SymmetricMatrix a(2);  // [4 2; 2 3] x = [10; 8] -> [1.75; 1.5]
  a.at(0, 0) = 4;
  a.at(1, 0) = 2;
  a.at(1, 1) = 3;
  const auto solver = Cholesky::factor(a);
  ASSERT_TRUE(solver) << solver.error().to_line();
  std::vector<double> x = {10, 8};
  solver->solve(x);
  EXPECT_THAT(x, ElementsAre(DoubleNear(1.75, 1e-12), DoubleNear(1.5, 1e-12)));
}

TEST(Cholesky, SaysWhichColumnMakesAMatrixSingular) {
  SymmetricMatrix a(3);  // the third row is the sum of the others
  a.at(0, 0) = a.at(1, 1) = 1;
  a.at(2, 0) = a.at(2, 1) = 1;
  a.at(2, 2) = 2;
  const auto solver = Cholesky::factor(a);
  ASSERT_FALSE(solver);
  EXPECT_EQ(solver.error().code, Code::kBadInput);
  EXPECT_THAT(solver.error().to_line(), HasSubstr("column 2 of 3"));
  EXPECT_THAT(solver.error().hint, HasSubstr("regularization"));
}

TEST(Ridge, WithoutRegularizationItIsLeastSquares) {
  LabelledData data;  // x = 0, 1 are class 0; x = 2, 3 class 1: y1 = -0.1 + 0.4 x
  data.features = 1;
  for (const float x : {0.0F, 1.0F, 2.0F, 3.0F}) data.append(std::vector<float>{x}, x < 1.5F ? 0 : 1);
  const auto fitted = fit_ridge(data, {0, Centring::kRows});
  ASSERT_TRUE(fitted) << fitted.error().to_line();
  EXPECT_THAT(fitted->weights, ElementsAre(FloatNear(-0.4F, 1e-6F), FloatNear(0.4F, 1e-6F)));
  EXPECT_THAT(fitted->bias, ElementsAre(FloatNear(1.1F, 1e-6F), FloatNear(-0.1F, 1e-6F)));
}

TEST(Ridge, ScoresOfAllClassesSumToOneWhenCentred) {
  const LabelledData data = clouds();
  for (const Centring centring : {Centring::kRows, Centring::kClassMeans}) {
    const auto fitted = fit_ridge(data, {0.1, centring});
    ASSERT_TRUE(fitted);
    std::vector<float> scores(3);
    fitted->score(data.row(17), scores);
    EXPECT_NEAR(scores[0] + scores[1] + scores[2], 1.0F, 1e-5F);
  }
}

TEST(Ridge, CentringOnClassMeansFavoursRareClassesMore) {
  const LabelledData data = clouds();
  const auto rows = fit_ridge(data, {0.5, Centring::kRows});
  const auto classes = fit_ridge(data, {0.5, Centring::kClassMeans});
  ASSERT_TRUE(rows && classes);
  const auto found = [&](const LinearClassifier& c) { return confusion_of(c, data).count(2, 2); };
  EXPECT_GT(found(*classes), found(*rows));
}

TEST(Ridge, MoreRegularizationMeansSmallerWeights) {
  const LabelledData data = clouds();
  double last = std::numeric_limits<double>::infinity();
  for (const double regularization : {0.0, 0.1, 1.0, 10.0}) {
    const auto fitted = fit_ridge(data, {regularization, Centring::kRows});
    ASSERT_TRUE(fitted);
    double norm = 0;
    for (const float w : fitted->weights) norm += double{w} * double{w};
    EXPECT_LT(norm, last);
    last = norm;
  }
}

TEST(Ridge, RefusesDataThatHasNoAnswer) {
  EXPECT_FALSE(fit_ridge({}, {}));
  LabelledData twice;  // the same feature two times
  twice.features = 2;
  for (const float x : {0.0F, 1.0F, 2.0F}) twice.append(std::vector<float>{x, x}, x > 1 ? 1 : 0);
  const auto singular = fit_ridge(twice, {0, Centring::kRows});
  ASSERT_FALSE(singular);
  EXPECT_THAT(singular.error().why, HasSubstr("not positive definite"));
  EXPECT_TRUE(fit_ridge(twice, {0.01, Centring::kRows}));
  twice.values[3] = std::numeric_limits<float>::quiet_NaN();
  const auto nan = fit_ridge(twice, {0.01, Centring::kRows});
  ASSERT_FALSE(nan);
  EXPECT_THAT(nan.error().where, HasSubstr("row 1, feature 1"));
}

TEST(Centroids, AreTheMeansOfTheirClasses) {
  LabelledData data;
  data.features = 2;
  data.append(std::vector<float>{0, 0}, 0);
  data.append(std::vector<float>{2, 4}, 0);
  data.append(std::vector<float>{9, 9}, 1);
  const auto fitted = fit_centroids(data);
  ASSERT_TRUE(fitted);
  EXPECT_THAT(fitted->centroids, ElementsAre(1, 2, 9, 9));
  data.append(std::vector<float>{0, 0}, 3);
  const auto gap = fit_centroids(data);
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().where, "class 2");
}

TEST(Confusion, CountsWhatWasAnsweredForWhat) {
  Confusion confusion(3);
  confusion.add(0, 0);
  confusion.add(1, 2);
  confusion.add(2, 2);
  confusion.add(2, 2);
  EXPECT_EQ(confusion.count(1, 2), 1u);
  EXPECT_EQ(confusion.total(), 4u);
  EXPECT_DOUBLE_EQ(confusion.accuracy(), 0.75);
  EXPECT_DOUBLE_EQ(Confusion(3).accuracy(), 0);
}

TEST(Top1, TheFirstOfEqualsWinsAndNanNeverDoes) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(top1(std::vector<float>{1, 3, 3}), 1u);
  EXPECT_EQ(top1(std::vector<float>{nan, -5, nan}), 1u);
}

TEST(Temperature, MakesConfidenceEqualToAccuracy) {
  // Scores of 0 and 1 which are right three times of four: softmax must say 3/4, so 1/T = ln 3.
  std::vector<float> scores;
  std::vector<std::uint32_t> labels;
  for (std::size_t i = 0; i < 400; ++i) {
    scores.insert(scores.end(), {1.0F, 0.0F});
    labels.push_back(i % 4 == 0 ? 1 : 0);
  }
  EXPECT_NEAR(fit_temperature(scores, 2, labels), 1.0 / std::log(3.0), 1e-4);
}

TEST(Split, HoldsOutAShareOfEveryClassAndIsRepeatable) {
  const LabelledData data = clouds();
  const Split a = split(data, 200'000, 5);
  const Split b = split(data, 200'000, 5);
  EXPECT_EQ(a.held_out.values, b.held_out.values);
  EXPECT_EQ(a.train.labels, b.train.labels);
  EXPECT_NE(a.held_out.values, split(data, 200'000, 6).held_out.values);
  EXPECT_EQ(a.held_out.rows() + a.train.rows(), data.rows());
  EXPECT_EQ(std::ranges::count(a.held_out.labels, 2u), 2);
  EXPECT_EQ(std::ranges::count(data.labels, 2u), 10);
}

}  // namespace
}  // namespace lichen::learn
