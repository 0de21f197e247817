// SPDX-License-Identifier: Apache-2.0
// Classifiers whose best parameters have a formula: ridge regression onto one-hot targets, and class centroids. No
// iteration, no learning rate; the same data gives the same numbers.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "learn/labelled_data.hpp"
#include "learn/linear_algebra.hpp"

namespace lichen::learn {

// What is subtracted from features and targets before solving, and given back as the bias.
enum class Centring {
  kNone,        // nothing: the bias is 0
  kRows,        // the mean of all rows
  kClassMeans,  // the mean of the classes' means: the bias does not favour common classes
};

struct RidgeOptions {
  // Added to the diagonal of the scatter matrix, as a fraction of that diagonal's mean: has no unit, so that it means
  // the same for pixels in 0..1 and in 0..255. 0: plain least squares.
  double regularization = 0.1;
  Centring centring = Centring::kRows;
};

struct LinearClassifier {
  std::size_t features = 0;
  std::size_t classes = 0;
  std::vector<float> weights;  // [classes, features]
  std::vector<float> bias;     // [classes]

  // scores[c] = weights[c] . row + bias[c]; the largest is the answer.
  void score(std::span<const float> row, std::span<float> scores) const;
};

// The W, b that minimize sum |W x + b - onehot(label)|^2 + regularization |W|^2, by the normal equations (Hastie,
// Tibshirani and Friedman, "The Elements of Statistical Learning", 3.4.1 and 4.2). At most kUnknownsMax features.
// kBadInput: data that check() refuses, or too little regularization for features that depend on each other.
[[nodiscard]] Result<LinearClassifier> fit_ridge(const LabelledData& data, const RidgeOptions& options);

struct CentroidClassifier {
  std::size_t features = 0;
  std::size_t classes = 0;
  std::vector<float> centroids;  // [classes, features]

  // scores[c] = -|row - centroids[c]|^2; the largest is the answer.
  void score(std::span<const float> row, std::span<float> scores) const;
};

// The mean of each class's rows. Every class up to the largest label needs a row.
[[nodiscard]] Result<CentroidClassifier> fit_centroids(const LabelledData& data);

}  // namespace lichen::learn
