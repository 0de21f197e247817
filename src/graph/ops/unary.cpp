// SPDX-License-Identifier: Apache-2.0
// Ops on every element of one tensor, which keep its shape.
#include <array>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .attributes_fit = holds<UnaryAttributes>,
          .check = check_unary,
          .infer = infer_same,
          .check_outputs = check_activation_output};
}

constexpr std::array kRows = {
    row(Op::kLogistic, "Logistic"),
    row(Op::kRelu, "Relu"),
    row(Op::kRelu6, "Relu6"),
};

}  // namespace

std::span<const OpSchema> unary_rows() {
  return kRows;
}

}  // namespace lichen::graph
