// SPDX-License-Identifier: Apache-2.0
#include "learn/closed_form.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace lichen::learn {
namespace {

constexpr const char* kFitting = "cannot fit classifier";

struct ClassSums {
  std::vector<double> sums;         // [classes, features]
  std::vector<std::size_t> counts;  // [classes]
};

ClassSums class_sums_of(const LabelledData& data, std::size_t classes) {
  ClassSums result{std::vector<double>(classes * data.features, 0.0), std::vector<std::size_t>(classes, 0)};
  for (std::size_t i = 0; i < data.rows(); ++i) {
    const std::span<const float> row = data.row(i);
    double* const sum = &result.sums[data.labels[i] * data.features];
    for (std::size_t f = 0; f < row.size(); ++f) sum[f] += double{row[f]};
    ++result.counts[data.labels[i]];
  }
  return result;
}

// The point that is subtracted: of the features, and of the one-hot targets.
struct Centre {
  std::vector<double> features;
  std::vector<double> targets;
};

Centre centre_of(const ClassSums& by_class, std::size_t features, Centring centring) {
  const std::size_t classes = by_class.counts.size();
  Centre centre{std::vector<double>(features, 0.0), std::vector<double>(classes, 0.0)};
  if (centring == Centring::kNone) return centre;
  std::size_t rows = 0;
  std::size_t filled = 0;
  for (const std::size_t count : by_class.counts) {
    rows += count;
    if (count > 0) ++filled;
  }
  for (std::size_t c = 0; c < classes; ++c) {
    const std::size_t count = by_class.counts[c];
    if (count == 0) continue;
    const double share = centring == Centring::kRows ? static_cast<double>(count) / static_cast<double>(rows)
                                                     : 1.0 / static_cast<double>(filled);
    centre.targets[c] = share;
    for (std::size_t f = 0; f < features; ++f) {
      centre.features[f] += share * by_class.sums[c * features + f] / static_cast<double>(count);
    }
  }
  return centre;
}

// For one class the right side of the normal equations: sum over rows of (x - mean)(y_c - centre_c), from sums alone.
std::vector<double> right_side(const ClassSums& by_class, const Centre& centre, std::size_t c) {
  const std::size_t features = centre.features.size();
  std::vector<double> right(features, 0.0);
  for (std::size_t k = 0; k < by_class.counts.size(); ++k) {
    const double target = (k == c ? 1.0 : 0.0) - centre.targets[c];
    const auto count = static_cast<double>(by_class.counts[k]);
    for (std::size_t f = 0; f < features; ++f) {
      right[f] += target * (by_class.sums[k * features + f] - count * centre.features[f]);
    }
  }
  return right;
}

}  // namespace

void LinearClassifier::score(std::span<const float> row, std::span<float> scores) const {
  LICHEN_ASSERT(row.size() == features && scores.size() == classes);
  for (std::size_t c = 0; c < classes; ++c) {
    double sum = double{bias[c]};
    for (std::size_t f = 0; f < features; ++f) sum += double{weights[c * features + f]} * double{row[f]};
    scores[c] = static_cast<float>(sum);
  }
}

Result<LinearClassifier> fit_ridge(const LabelledData& data, const RidgeOptions& options) {
  LICHEN_ASSERT(options.regularization >= 0);
  LICHEN_TRY(check(data, kFitting));
  if (data.features > kUnknownsMax) {
    return fail(Code::kExhausted, kFitting, "data",
                fmt::format("{} features; a ridge is solved for up to {}", data.features, kUnknownsMax));
  }
  const std::size_t classes = classes_of(data);
  const ClassSums by_class = class_sums_of(data, classes);
  const Centre centre = centre_of(by_class, data.features, options.centring);
  SymmetricMatrix scatter = scatter_of(data.values, centre.features);
  scatter.add_to_diagonal(options.regularization * scatter.mean_diagonal());
  const Cholesky solver = LICHEN_TRY(Cholesky::factor(std::move(scatter)));

  LinearClassifier fitted{data.features, classes, {}, {}};
  fitted.weights.reserve(classes * data.features);
  for (std::size_t c = 0; c < classes; ++c) {
    std::vector<double> weights = right_side(by_class, centre, c);
    solver.solve(weights);
    double bias = centre.targets[c];
    for (std::size_t f = 0; f < data.features; ++f) {
      bias -= weights[f] * centre.features[f];
      fitted.weights.push_back(static_cast<float>(weights[f]));
    }
    fitted.bias.push_back(static_cast<float>(bias));
  }
  return fitted;
}

void CentroidClassifier::score(std::span<const float> row, std::span<float> scores) const {
  LICHEN_ASSERT(row.size() == features && scores.size() == classes);
  for (std::size_t c = 0; c < classes; ++c) {
    double sum = 0;
    for (std::size_t f = 0; f < features; ++f) {
      const double difference = double{row[f]} - double{centroids[c * features + f]};
      sum += difference * difference;
    }
    scores[c] = static_cast<float>(-sum);
  }
}

Result<CentroidClassifier> fit_centroids(const LabelledData& data) {
  LICHEN_TRY(check(data, kFitting));
  const std::size_t classes = classes_of(data);
  const ClassSums by_class = class_sums_of(data, classes);
  const auto absent = std::ranges::find(by_class.counts, std::size_t{0});
  if (absent != by_class.counts.end()) {
    return fail(Code::kBadInput, kFitting, fmt::format("class {}", absent - by_class.counts.begin()),
                "no row has this label, so it has no centroid");
  }
  CentroidClassifier fitted{data.features, classes, {}};
  fitted.centroids.reserve(classes * data.features);
  for (std::size_t i = 0; i < by_class.sums.size(); ++i) {
    fitted.centroids.push_back(
        static_cast<float>(by_class.sums[i] / static_cast<double>(by_class.counts[i / data.features])));
  }
  return fitted;
}

}  // namespace lichen::learn
