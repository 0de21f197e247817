// SPDX-License-Identifier: Apache-2.0
// How far two answers to the same question lie apart.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/session.hpp"

namespace lichen::tool {

struct Answer {
  const engine::TensorInfo& info;
  ByteView bytes;
};

struct Difference {
  double largest = 0;   // of |a - b|; infinite where only one of them is a number
  double relative = 0;  // to the largest |b|
  std::size_t values = 0;
  std::size_t differing = 0;
  bool is_real = false;  // false: integers, and `largest` counts steps
};

// `b` is what `a` is compared with. NaN equals NaN. kInternal: not the same type or number of values.
[[nodiscard]] Result<Difference> difference_of(const Answer& a, const Answer& b);

// "3 of 1000 values differ, by 1 step at most"
[[nodiscard]] std::string to_text(const Difference& difference);

// {"name", "values", "differing", "max_difference", "relative_difference"}
[[nodiscard]] Json to_json(const std::string& output, const Difference& difference);

}  // namespace lichen::tool
