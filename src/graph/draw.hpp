// SPDX-License-Identifier: Apache-2.0
// Pictures of a graph, for people: an SVG with its own layout, and text for Graphviz. Boxes are nodes, coloured by kind;
// lines are tensors, with their types and shapes; constants are told inside the boxes.
#pragma once

#include <string>

#include "graph/graph.hpp"

namespace lichen::graph {

// Whole files. Ask for a verified graph. Names are escaped; a graph of many nodes gives a tall picture.
[[nodiscard]] std::string to_svg(const Graph& graph);
[[nodiscard]] std::string to_dot(const Graph& graph);

}  // namespace lichen::graph
