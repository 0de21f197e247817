// SPDX-License-Identifier: Apache-2.0
#include "learn/scores.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/assert.hpp"

namespace lichen::learn {
namespace {

// log(sum(exp(scores / T))) - scores[label] / T, the largest score first taken off so that nothing overflows.
double row_loss(std::span<const float> scores, std::uint32_t label, double temperature) {
  const double largest = double{*std::ranges::max_element(scores)};
  double sum = 0;
  for (const float score : scores) sum += std::exp((double{score} - largest) / temperature);
  return std::log(sum) - (double{scores[label]} - largest) / temperature;
}

}  // namespace

std::uint32_t top1(std::span<const float> scores) {
  LICHEN_ASSERT(!scores.empty());
  std::size_t best = 0;
  for (std::size_t c = 1; c < scores.size(); ++c) {
    if (scores[c] > scores[best] || std::isnan(scores[best])) best = c;
  }
  return static_cast<std::uint32_t>(best);
}

void Confusion::add(std::uint32_t truth, std::uint32_t answered) {
  LICHEN_ASSERT(truth < classes_ && answered < classes_);
  ++counts_[truth * classes_ + answered];
}

std::size_t Confusion::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::size_t{0});
}

std::size_t Confusion::correct() const {
  std::size_t sum = 0;
  for (std::size_t c = 0; c < classes_; ++c) sum += counts_[c * classes_ + c];
  return sum;
}

double Confusion::accuracy() const {
  return total() == 0 ? 0 : static_cast<double>(correct()) / static_cast<double>(total());
}

float fit_temperature(std::span<const float> scores, std::size_t classes, std::span<const std::uint32_t> labels) {
  LICHEN_ASSERT(classes > 0 && !labels.empty() && scores.size() == labels.size() * classes);
  const auto loss = [&](double log_temperature) {
    double sum = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      sum += row_loss(scores.subspan(i * classes, classes), labels[i], std::exp(log_temperature));
    }
    return sum;
  };
  // The loss is convex in 1/T, so it has one valley along log T: golden-section search.
  constexpr int kSteps = 60;
  constexpr double kRatio = 1.0 / std::numbers::phi;
  double low = std::log(kTemperatureMin);
  double high = std::log(kTemperatureMax);
  double left = high - kRatio * (high - low);
  double right = low + kRatio * (high - low);
  double loss_left = loss(left);
  double loss_right = loss(right);
  for (int step = 0; step < kSteps; ++step) {
    if (loss_left <= loss_right) {
      high = right;
      right = left;
      loss_right = loss_left;
      left = high - kRatio * (high - low);
      loss_left = loss(left);
    } else {
      low = left;
      left = right;
      loss_left = loss_right;
      right = low + kRatio * (high - low);
      loss_right = loss(right);
    }
  }
  return static_cast<float>(std::exp((low + high) / 2));
}

}  // namespace lichen::learn
