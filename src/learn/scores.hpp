// SPDX-License-Identifier: Apache-2.0
// How good a classifier's scores are, and how sure they should be: top-1, confusion, and the temperature that makes a
// softmax of the scores mean what it says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "learn/labelled_data.hpp"

namespace lichen::learn {

// The class with the largest score; the first of equals. NaN never wins.
[[nodiscard]] std::uint32_t top1(std::span<const float> scores);

// Counts of (true class, answered class).
class Confusion {
 public:
  explicit Confusion(std::size_t classes) : classes_(classes), counts_(classes * classes, 0) {}
  void add(std::uint32_t truth, std::uint32_t answered);
  [[nodiscard]] std::size_t count(std::uint32_t truth, std::uint32_t answered) const {
    return counts_[truth * classes_ + answered];
  }
  [[nodiscard]] std::size_t total() const;
  [[nodiscard]] std::size_t correct() const;
  [[nodiscard]] double accuracy() const;  // 0 to 1; 0 where nothing was counted
  [[nodiscard]] std::size_t classes() const { return classes_; }

 private:
  std::size_t classes_;
  std::vector<std::size_t> counts_;
};

// Of anything that has features, classes and score().
template <typename Classifier>
[[nodiscard]] Confusion confusion_of(const Classifier& classifier, const LabelledData& data) {
  Confusion confusion(std::max(classifier.classes, classes_of(data)));
  std::vector<float> scores(classifier.classes);
  for (std::size_t i = 0; i < data.rows(); ++i) {
    classifier.score(data.row(i), scores);
    confusion.add(data.labels[i], top1(scores));
  }
  return confusion;
}

// All scores of all rows, [rows, classes].
template <typename Classifier>
[[nodiscard]] std::vector<float> scores_of(const Classifier& classifier, const LabelledData& data) {
  std::vector<float> all(data.rows() * classifier.classes);
  for (std::size_t i = 0; i < data.rows(); ++i) {
    classifier.score(data.row(i), std::span(all).subspan(i * classifier.classes, classifier.classes));
  }
  return all;
}

inline constexpr double kTemperatureMin = 1e-6;
inline constexpr double kTemperatureMax = 1e6;

// The temperature T for which softmax(scores / T) gives the labels the largest likelihood (Guo et al., "On Calibration
// of Modern Neural Networks", 2017, section 4.2). `scores` is [labels.size(), classes]; use rows that were not fitted
// to.
[[nodiscard]] float fit_temperature(std::span<const float> scores, std::size_t classes,
                                    std::span<const std::uint32_t> labels);

}  // namespace lichen::learn
