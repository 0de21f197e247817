// SPDX-License-Identifier: Apache-2.0
// FullyConnected: input of any rank seen as [rows, depth], weights [units, depth], bias [units] (optional)
// -> [rows, units], or with keep_dims the input's shape with units as its last dimension.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  const Tensor& input = node.input(0);
  const Tensor& weights = node.input(1);
  LICHEN_TRY(require_clamp(node.attributes<FullyConnectedAttributes>().activation));
  LICHEN_TRY(require_rank(weights, 2));
  LICHEN_TRY(require_weights(node, 0, weights.spec.shape[0]));
  const std::int64_t depth = weights.spec.shape[1];
  if (input.spec.shape.elements() % depth != 0) {
    return bad_tensor(input, fmt::format("shape {} is not rows of {}", input.spec.shape.to_text(), depth));
  }
  const bool keep = node.attributes<FullyConnectedAttributes>().keep_dims;
  if (keep && (input.spec.shape.rank() == 0 || input.spec.shape.dims().back() != depth)) {
    return bad_tensor(input, fmt::format("shape {} does not end in {}", input.spec.shape.to_text(), depth));
  }
  return {};
}

Result<OutputTypes> infer(const NodeView& node) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& weights = node.input(1).spec.shape;
  std::array<std::int64_t, tensor::kRankMax> dims{in.elements() / weights[1], weights[0]};
  std::size_t rank = 2;
  if (node.attributes<FullyConnectedAttributes>().keep_dims) {
    rank = in.rank();
    std::ranges::copy(in.dims(), dims.begin());
    dims[rank - 1] = weights[0];
  }
  return output_like(node, std::span(dims).first(rank));
}

std::int64_t operations(const NodeView& node) {
  return output_elements(node) * node.input(1).spec.shape[1];
}

constexpr OpSchema kRow{.op = Op::kFullyConnected,
                        .name = "FullyConnected",
                        .inputs_min = 2,
                        .inputs_max = 3,
                        .inputs_required = 2,
                        .attributes_fit = holds<FullyConnectedAttributes>,
                        .check = check,
                        .infer = infer,
                        .check_outputs = check_activation_output,
                        .operations = operations,
                        .counts_as_macs = true};

}  // namespace

std::span<const OpSchema> fully_connected_rows() {
  return {&kRow, 1};
}

}  // namespace lichen::graph
