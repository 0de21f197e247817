// SPDX-License-Identifier: Apache-2.0
// x with elements replaced, or combined, at places that indices name: ScatterElements, ScatterNd.
#include <array>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

Result<void> check_types(const NodeView& node) {
  const Tensor& x = node.input(0);
  LICHEN_TRY(require_integers(node.input(1)));
  LICHEN_TRY(require_same_type(node.input(2), x));
  if (node.attributes<ScatterAttributes>().reduction == ScatterReduction::kNone) return {};
  const DType dtype = x.spec.dtype;
  if (dtype == DType::kF16 || dtype == DType::kBool || !x.quantization.empty())
    return bad_tensor(x, fmt::format("{} is not combined, only replaced", name_of(dtype)), Code::kUnsupported);
  return {};
}

Result<void> check_elements(const NodeView& node) {
  LICHEN_TRY(check_types(node));
  const tensor::Shape& x = node.input(0).spec.shape;
  const tensor::Shape& indices = node.input(1).spec.shape;
  const std::size_t axis = LICHEN_TRY(axis_of(node.attributes<ScatterAttributes>().axis, x.rank()));
  bool fits = indices.rank() == x.rank();
  for (std::size_t i = 0; fits && i < x.rank(); ++i) fits = i == axis || indices[i] <= x[i];
  if (!fits) return bad_tensor(node.input(1), fmt::format("indices {} into {}", indices.to_text(), x.to_text()));
  if (node.input(2).spec.shape == indices) return {};
  return bad_tensor(node.input(2),
                    fmt::format("{} updates for {} indices", node.input(2).spec.shape.to_text(), indices.to_text()));
}

Result<void> check_nd(const NodeView& node) {
  LICHEN_TRY(check_types(node));
  const tensor::Shape& x = node.input(0).spec.shape;
  const tensor::Shape& indices = node.input(1).spec.shape;
  if (indices.rank() == 0) return bad_tensor(node.input(1), "indices without tuples");
  const std::int64_t tuple = indices[indices.rank() - 1];
  if (tuple > static_cast<std::int64_t>(x.rank()))
    return bad_tensor(node.input(1), fmt::format("tuples of {} indices into {}", tuple, x.to_text()));
  std::vector<std::int64_t> dims(indices.dims().begin(), indices.dims().end() - 1);
  for (auto i = static_cast<std::size_t>(tuple); i < x.rank(); ++i) dims.push_back(x[i]);
  const tensor::Shape wanted = LICHEN_TRY(tensor::Shape::make(dims, node.node().name));
  if (node.input(2).spec.shape == wanted) return {};
  return bad_tensor(node.input(2),
                    fmt::format("updates {} where {} is needed", node.input(2).spec.shape.to_text(), wanted.to_text()));
}

Result<void> check_outputs(const NodeView& node) {
  if (node.input(2).quantization != node.input(0).quantization)
    return bad_tensor(node.input(2), "updates on another scale", Code::kUnsupported);
  return check_kept_quantization(node);
}

constexpr OpSchema row(Op op, std::string_view name, Result<void> (*check)(const NodeView&)) {
  return {.op = op,
          .name = name,
          .inputs_min = 3,
          .inputs_max = 3,
          .inputs_required = 3,
          .attributes_fit = holds<ScatterAttributes>,
          .check = check,
          .infer = infer_same,
          .check_outputs = check_outputs};
}

constexpr std::array kRows = {
    row(Op::kScatterElements, "ScatterElements", check_elements),
    row(Op::kScatterNd, "ScatterNd", check_nd),
};

}  // namespace

std::span<const OpSchema> scatter_rows() {
  return kRows;
}

}  // namespace lichen::graph
