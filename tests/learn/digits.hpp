// SPDX-License-Identifier: Apache-2.0
// The handwritten digits of data/digits, for tests.
#pragma once

#include <stdexcept>
#include <string>

#include <zlib.h>

#include "learn/csv_data.hpp"

namespace lichen::testing {

inline const learn::LabelledData& digits() {
  static const learn::LabelledData data = [] {
    const std::string path = std::string(LICHEN_SOURCE_DIR) + "/data/digits/digits.csv.gz";
    gzFile file = ::gzopen(path.c_str(), "rb");
    if (file == nullptr) throw std::runtime_error("cannot open " + path);
    std::string text(std::size_t{1} << 20, '\0');
    text.resize(static_cast<std::size_t>(::gzread(file, text.data(), static_cast<unsigned>(text.size()))));
    ::gzclose(file);
    auto read = learn::read_labelled_csv(text, "digits.csv");
    if (!read) throw std::runtime_error(read.error().to_line());
    return std::move(*read);
  }();
  return data;
}

// A quarter held out.
inline const learn::Split& digits_split() {
  static const learn::Split parts = learn::split(digits(), 250'000, 1);
  return parts;
}

inline constexpr std::size_t kDigits = 10;

}  // namespace lichen::testing
