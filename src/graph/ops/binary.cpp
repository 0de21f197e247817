// SPDX-License-Identifier: Apache-2.0
// Ops on the elements of two tensors that are broadcast against each other as NumPy does.
#include <array>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  LICHEN_TRY(require_clamp(node.attributes<ElementwiseAttributes>().activation));
  LICHEN_TRY(require_activation_type(node.input(0)));
  LICHEN_TRY(require_activation_type(node.input(1)));
  return require_same_type(node.input(1), node.input(0));
}

Result<OutputTypes> infer(const NodeView& node) {
  return output_like(node, LICHEN_TRY(broadcast(node, node.input(0).spec.shape, node.input(1).spec.shape)));
}

constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .inputs_min = 2,
          .inputs_max = 2,
          .inputs_required = 2,
          .attributes_fit = holds<ElementwiseAttributes>,
          .check = check,
          .infer = infer,
          .check_outputs = check_activation_output};
}

constexpr std::array kRows = {
    row(Op::kAdd, "Add"),
    row(Op::kMul, "Mul"),
};

}  // namespace

std::span<const OpSchema> binary_rows() {
  return kRows;
}

}  // namespace lichen::graph
