// SPDX-License-Identifier: Apache-2.0
#include "learn/labelled_data.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/mix.hpp"

namespace lichen::learn {

void LabelledData::append(std::span<const float> row, std::uint32_t label) {
  LICHEN_ASSERT(row.size() == features);
  values.insert(values.end(), row.begin(), row.end());
  labels.push_back(label);
}

std::size_t classes_of(const LabelledData& data) {
  if (data.labels.empty()) return 0;
  return std::size_t{*std::ranges::max_element(data.labels)} + 1;
}

Result<void> check(const LabelledData& data, std::string_view what) {
  const auto refuse = [&](std::string where, std::string why) {
    return fail(Code::kBadInput, std::string(what), std::move(where), std::move(why));
  };
  if (data.rows() == 0) return refuse("data", "no rows");
  if (data.features == 0 || data.features > kFeaturesMax)
    return refuse("data", fmt::format("{} features a row; 1 to {} are taken", data.features, kFeaturesMax));
  if (data.values.size() != data.rows() * data.features || data.values.size() > kValuesMax)
    return refuse("data", fmt::format("{} values for {} rows of {}", data.values.size(), data.rows(), data.features));
  if (classes_of(data) > kClassesMax)
    return refuse("data", fmt::format("label {}; the largest is {}", classes_of(data) - 1, kClassesMax - 1));
  const auto bad = std::ranges::find_if_not(data.values, [](float value) { return std::isfinite(value); });
  if (bad == data.values.end()) return {};
  const auto at = static_cast<std::size_t>(bad - data.values.begin());
  return refuse(fmt::format("row {}, feature {}", at / data.features, at % data.features), "not a finite number");
}

Split split(const LabelledData& data, Ppm held_out_ppm, std::uint64_t seed) {
  LICHEN_ASSERT(held_out_ppm >= 0 && held_out_ppm <= kWholePpm);
  std::vector<std::size_t> order(data.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  SplitMix64 random(seed);
  for (std::size_t left = order.size(); left > 1; --left) {  // Fisher and Yates
    std::swap(order[left - 1], order[random.below(left)]);
  }
  std::vector<std::size_t> to_hold_out(classes_of(data), 0);
  for (const std::uint32_t label : data.labels) ++to_hold_out[label];
  for (std::size_t& count : to_hold_out) {
    count = count * static_cast<std::size_t>(held_out_ppm) / static_cast<std::size_t>(kWholePpm);
  }
  Split parts;
  parts.train.features = parts.held_out.features = data.features;
  for (const std::size_t i : order) {
    std::size_t& left = to_hold_out[data.labels[i]];
    LabelledData& part = left > 0 ? parts.held_out : parts.train;
    if (left > 0) --left;
    part.append(data.row(i), data.labels[i]);
  }
  return parts;
}

}  // namespace lichen::learn
