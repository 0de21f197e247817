// SPDX-License-Identifier: Apache-2.0
// A model's layers as its file has them, known or not: for files that no Graph can be made of.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace lichen::graph {

inline constexpr std::size_t kOutlineLinesMax = 1 << 16;  // of a file; more are left out

struct OutlineLine {
  std::string op;      // as the format calls it
  std::string name;    // of the node, or of its first output
  bool known = false;  // false: there is no such operator here
};

using Outline = std::vector<OutlineLine>;

}  // namespace lichen::graph
