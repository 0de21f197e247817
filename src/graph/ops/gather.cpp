// SPDX-License-Identifier: Apache-2.0
// Elements picked by indices: Gather, GatherElements, GatherNd. That indices are within their axis is known when they
// are: while the graph runs.
#include <array>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

// The first `batch_dims` dimensions of both are the same.
Result<void> check_batch(const NodeView& node, std::int32_t batch_dims) {
  const tensor::Shape& x = node.input(0).spec.shape;
  const tensor::Shape& indices = node.input(1).spec.shape;
  bool fits = batch_dims >= 0 && static_cast<std::size_t>(batch_dims) <= std::min(x.rank(), indices.rank());
  for (std::size_t i = 0; fits && i < static_cast<std::size_t>(batch_dims); ++i) fits = x[i] == indices[i];
  if (fits) return {};
  return bad_attribute(
      fmt::format("{} and {} with {} dimensions of batches", x.to_text(), indices.to_text(), batch_dims));
}

Result<void> check_gather(const NodeView& node) {
  LICHEN_TRY(require_integers(node.input(1)));
  const auto& a = node.attributes<GatherAttributes>();
  const std::size_t axis = LICHEN_TRY(axis_of(a.axis, node.input(0).spec.shape.rank()));
  LICHEN_TRY(check_batch(node, a.batch_dims));
  if (static_cast<std::size_t>(a.batch_dims) <= axis) return {};
  return bad_attribute(fmt::format("axis {} is one of {} of batches", axis, a.batch_dims));
}

Result<OutputTypes> infer_gather(const NodeView& node) {
  const auto& a = node.attributes<GatherAttributes>();
  const tensor::Shape& x = node.input(0).spec.shape;
  const tensor::Shape& indices = node.input(1).spec.shape;
  const std::size_t axis = LICHEN_TRY(axis_of(a.axis, x.rank()));
  std::vector<std::int64_t> dims(x.dims().begin(), x.dims().begin() + static_cast<std::ptrdiff_t>(axis));
  for (std::size_t i = static_cast<std::size_t>(a.batch_dims); i < indices.rank(); ++i) dims.push_back(indices[i]);
  for (std::size_t i = axis + 1; i < x.rank(); ++i) dims.push_back(x[i]);
  return output_like(node, dims);
}

Result<void> check_elements(const NodeView& node) {
  const tensor::Shape& x = node.input(0).spec.shape;
  const tensor::Shape& indices = node.input(1).spec.shape;
  LICHEN_TRY(require_integers(node.input(1)));
  const std::size_t axis = LICHEN_TRY(axis_of(node.attributes<AxisAttributes>().axis, x.rank()));
  bool fits = indices.rank() == x.rank();
  for (std::size_t i = 0; fits && i < x.rank(); ++i) fits = i == axis || indices[i] <= x[i];
  if (fits) return {};
  return bad_tensor(node.input(1), fmt::format("indices {} into {}", indices.to_text(), x.to_text()));
}

Result<OutputTypes> infer_elements(const NodeView& node) {
  return output_like(node, node.input(1).spec.shape);
}

Result<void> check_nd(const NodeView& node) {
  const tensor::Shape& x = node.input(0).spec.shape;
  const tensor::Shape& indices = node.input(1).spec.shape;
  LICHEN_TRY(require_integers(node.input(1)));
  const std::int32_t batch_dims = node.attributes<GatherAttributes>().batch_dims;
  LICHEN_TRY(check_batch(node, batch_dims));
  const auto batches = static_cast<std::size_t>(batch_dims);
  if (indices.rank() <= batches) return bad_tensor(node.input(1), "indices without tuples");
  const std::int64_t tuple = indices[indices.rank() - 1];
  if (tuple <= static_cast<std::int64_t>(x.rank() - batches)) return {};
  return bad_tensor(node.input(1), fmt::format("tuples of {} indices into {}", tuple, x.to_text()));
}

Result<OutputTypes> infer_nd(const NodeView& node) {
  const tensor::Shape& x = node.input(0).spec.shape;
  const tensor::Shape& indices = node.input(1).spec.shape;
  const auto batches = static_cast<std::size_t>(node.attributes<GatherAttributes>().batch_dims);
  const auto tuple = static_cast<std::size_t>(indices[indices.rank() - 1]);
  std::vector<std::int64_t> dims(indices.dims().begin(), indices.dims().end() - 1);
  for (std::size_t i = batches + tuple; i < x.rank(); ++i) dims.push_back(x[i]);
  return output_like(node, dims);
}

constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .inputs_min = 2,
          .inputs_max = 2,
          .inputs_required = 2,
          .attributes_fit = holds<GatherAttributes>,
          .check = check_gather,
          .infer = infer_gather,
          .check_outputs = check_kept_quantization};
}
constexpr OpSchema elements_row() {
  OpSchema made = row(Op::kGatherElements, "GatherElements");
  made.attributes_fit = holds<AxisAttributes>;
  made.check = check_elements;
  made.infer = infer_elements;
  return made;
}
constexpr OpSchema nd_row() {
  OpSchema made = row(Op::kGatherNd, "GatherNd");
  made.check = check_nd;
  made.infer = infer_nd;
  return made;
}

constexpr std::array kRows = {row(Op::kGather, "Gather"), elements_row(), nd_row()};

}  // namespace

std::span<const OpSchema> gather_rows() {
  return kRows;
}

}  // namespace lichen::graph
