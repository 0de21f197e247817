// SPDX-License-Identifier: Apache-2.0
// Examples with their class: rows of numbers, one label each. What classifiers are fitted to and measured on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"

namespace lichen::learn {

inline constexpr std::size_t kFeaturesMax = 65'536;              // numbers in one row
inline constexpr std::size_t kClassesMax = 1'024;                // labels are 0 .. kClassesMax - 1
inline constexpr std::size_t kValuesMax = std::size_t{1} << 28;  // numbers in all rows: 1 GiB

struct LabelledData {
  std::size_t features = 0;
  std::vector<float> values;          // [rows, features]
  std::vector<std::uint32_t> labels;  // [rows]

  [[nodiscard]] std::size_t rows() const { return labels.size(); }
  [[nodiscard]] std::span<const float> row(std::size_t i) const {
    return std::span(values).subspan(i * features, features);
  }
  void append(std::span<const float> row, std::uint32_t label);
};

// The number of classes: one more than the largest label; 0 without rows.
[[nodiscard]] std::size_t classes_of(const LabelledData& data);

// At least one row, limits kept, sizes that agree, every value finite. `what` begins the error.
[[nodiscard]] Result<void> check(const LabelledData& data, std::string_view what);

struct Split {
  LabelledData train;
  LabelledData held_out;
};

// Holds out `held_out_ppm` of every class (rounded down), chosen by `seed`: the same seed gives the same split
// everywhere. Both parts are in a shuffled order.
[[nodiscard]] Split split(const LabelledData& data, Ppm held_out_ppm, std::uint64_t seed);

}  // namespace lichen::learn
