// SPDX-License-Identifier: Apache-2.0
// A verified graph for people, and its size in numbers.
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.hpp"

namespace lichen::graph {

struct Cost {
  std::int64_t macs = 0;        // multiply-accumulates of convolutions and fully connected layers
  std::int64_t operations = 0;  // macs, and element operations of all other nodes
  std::int64_t parameters = 0;  // elements of the constants that nodes read
  std::int64_t parameter_bytes = 0;
};
// Saturates instead of overflowing. Asks for a verified graph.
[[nodiscard]] Cost cost_of(const Graph& graph);
[[nodiscard]] std::int64_t macs_of(const Graph& graph, const Node& node);
[[nodiscard]] std::int64_t operations_of(const Graph& graph, const Node& node);  // 0 where shapes are not known

// "i8 [1, 49, 10, 1] q(0.5847, 83)".
[[nodiscard]] std::string to_text(const Tensor& tensor);
// One line a node, then totals.
[[nodiscard]] std::string to_text(const Graph& graph);

}  // namespace lichen::graph
