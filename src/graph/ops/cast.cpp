// SPDX-License-Identifier: Apache-2.0
// Cast: the same values in another type, as near as it can hold them. Stored integers are taken as they are: a scale
// plays no part.
#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<OutputTypes> infer(const NodeView& node) {
  return output_of(node.attributes<CastAttributes>().to, node.input(0).spec.shape);
}

constexpr OpSchema kRow{.op = Op::kCast, .name = "Cast", .attributes_fit = holds<CastAttributes>, .infer = infer};

}  // namespace

std::span<const OpSchema> cast_rows() {
  return {&kRow, 1};
}

}  // namespace lichen::graph
