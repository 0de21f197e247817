// SPDX-License-Identifier: Apache-2.0
// Concat: inputs one after the other along an axis. Where integers have different scales, the inputs are brought to the
// output's.
#include <array>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  const Tensor& first = node.input(0);
  const tensor::Shape& shape = first.spec.shape;
  const std::size_t axis = LICHEN_TRY(axis_of(node.attributes<AxisAttributes>().axis, shape.rank()));
  for (std::size_t i = 1; i < node.input_count(); ++i) {
    const Tensor& other = node.input(i);
    LICHEN_TRY(require_same_type(other, first));
    bool fits = other.spec.shape.rank() == shape.rank();
    for (std::size_t k = 0; fits && k < shape.rank(); ++k) fits = k == axis || other.spec.shape[k] == shape[k];
    if (!fits) {
      return bad_tensor(other, fmt::format("{} does not go beside {} along axis {}", other.spec.shape.to_text(),
                                           shape.to_text(), axis));
    }
  }
  return {};
}

Result<OutputTypes> infer(const NodeView& node) {
  const tensor::Shape& shape = node.input(0).spec.shape;
  const std::size_t axis = LICHEN_TRY(axis_of(node.attributes<AxisAttributes>().axis, shape.rank()));
  std::array<std::int64_t, tensor::kRankMax> dims{};
  for (std::size_t k = 0; k < shape.rank(); ++k) dims[k] = shape[k];
  for (std::size_t i = 1; i < node.input_count(); ++i) dims[axis] += node.input(i).spec.shape[axis];
  return output_like(node, std::span<const std::int64_t>(dims).first(shape.rank()));
}

Result<void> check_outputs(const NodeView& node) {
  const Tensor& output = node.output();
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    if (node.input(i).quantization == output.quantization) continue;
    LICHEN_TRY(require_activation_type(node.input(i)));
    LICHEN_TRY(require_activation_type(output));
  }
  if (!output.quantization.per_channel()) return {};
  return bad_tensor(output, "a concatenation with scales along an axis", Code::kUnsupported);
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kConcat,
             .name = "Concat",
             .inputs_max = kMovementPortsMax,
             .inputs_required = kMovementPortsMax,
             .attributes_fit = holds<AxisAttributes>,
             .check = check,
             .infer = infer,
             .check_outputs = check_outputs},
};

}  // namespace

std::span<const OpSchema> concat_rows() {
  return kRows;
}

}  // namespace lichen::graph
