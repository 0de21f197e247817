// SPDX-License-Identifier: Apache-2.0
// Labelled data from comma-separated text without a header: every line holds the same count of numbers, the last of
// them the label, a whole number from 0. The text may come from anywhere: every limit is checked before memory is
// taken.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "learn/labelled_data.hpp"

namespace lichen::learn {

inline constexpr std::size_t kCsvBytesMax = std::size_t{1} << 30;

// Lines end in LF or CRLF, the last one may lack it; spaces around numbers are allowed, empty lines are not.
// Errors name the line and the column, both counted from 1. `name` is the file's, for errors.
[[nodiscard]] Result<LabelledData> read_labelled_csv(std::string_view text, std::string_view name);

}  // namespace lichen::learn
