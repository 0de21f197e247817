// SPDX-License-Identifier: Apache-2.0
// Ops that give the same elements in another order, or several times: Transpose, Reverse, ReverseSequence, Expand,
// Tile, Trilu.
#include "graph/ops/movement.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "graph/ops/rows.hpp"

namespace lichen::graph {

using tensor::DType;

Result<void> require_parameter(const NodeView& node, std::size_t i, std::size_t rank_max) {
  if (!node.has_input(i)) return {};
  const Tensor& tensor = node.input(i);
  if (tensor.spec.shape.rank() > rank_max)
    return bad_tensor(tensor, fmt::format("shape {} of a parameter", tensor.spec.shape.to_text()));
  return require_integers(tensor);
}

Result<std::vector<std::size_t>> axes_of(std::span<const std::int64_t> axes, std::size_t rank) {
  std::array<bool, tensor::kRankMax> seen{};
  if (axes.size() > rank) return bad_attribute(fmt::format("{} axes of rank {}", axes.size(), rank));
  std::vector<std::size_t> places;
  for (const std::int64_t axis : axes) {
    const std::size_t place = LICHEN_TRY(axis_of(axis, rank));
    if (seen[place]) return bad_attribute(fmt::format("axis {} twice", axis));
    seen[place] = true;
    places.push_back(place);
  }
  return places;
}

Result<void> check_kept_quantization(const NodeView& node) {
  for (std::size_t i = 0; i < node.output_count(); ++i) {
    if (!node.has_output(i) || node.output(i).quantization == node.input(0).quantization) continue;
    return bad_tensor(node.output(i), "elements that are moved keep their scale, this one has another",
                      Code::kUnsupported);
  }
  return {};
}

OutputTypes not_yet(DType dtype) {
  return {{dtype, std::nullopt, false}};
}

Result<std::int64_t> size_product(std::int64_t a, std::int64_t b) {
  if (a < 0 || b < 0 || (a > 0 && b > tensor::kElementsMax / a))
    return bad_attribute(fmt::format("a size of {} times {}", a, b));
  return a * b;
}

namespace {

Result<void> check_transpose(const NodeView& node) {
  const auto& permutation = node.attributes<TransposeAttributes>().permutation;
  if (permutation.empty()) return {};
  const std::size_t rank = node.input(0).spec.shape.rank();
  if (permutation.size() != rank)
    return bad_attribute(fmt::format("a permutation of {} axes for rank {}", permutation.size(), rank));
  const std::vector<std::int64_t> axes(permutation.begin(), permutation.end());
  LICHEN_TRY(axes_of(axes, rank));
  return {};
}

Result<OutputTypes> infer_transpose(const NodeView& node) {
  const std::vector<std::size_t> from = LICHEN_TRY(transpose_axes(node));
  std::array<std::int64_t, tensor::kRankMax> dims{};
  for (std::size_t i = 0; i < from.size(); ++i) dims[i] = node.input(0).spec.shape[from[i]];
  return output_like(node, std::span<const std::int64_t>(dims).first(from.size()));
}

// Scales along an axis follow it.
Result<void> check_transpose_outputs(const NodeView& node) {
  const tensor::Quantization& in = node.input(0).quantization;
  if (!in.per_channel()) return check_kept_quantization(node);
  const std::vector<std::size_t> from = LICHEN_TRY(transpose_axes(node));
  tensor::Quantization moved = in;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] == in.axis) moved.axis = i;
  }
  if (node.output().quantization == moved) return {};
  return bad_tensor(node.output(), "a transposition that changes scales", Code::kUnsupported);
}

Result<void> check_axes_input(const NodeView& node) {
  LICHEN_TRY(require_parameter(node, 1));
  if (const auto axes = node.integers(1)) LICHEN_TRY(axes_of(*axes, node.input(0).spec.shape.rank()));
  return {};
}

Result<OutputTypes> infer_reverse(const NodeView& node) {
  if (!node.value(1)) return not_yet(node.input(0).spec.dtype);
  return infer_same(node);
}

Result<void> check_reverse_sequence(const NodeView& node) {
  const auto& a = node.attributes<ReverseSequenceAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::size_t batch = LICHEN_TRY(axis_of(a.batch_axis, in.rank()));
  const std::size_t time = LICHEN_TRY(axis_of(a.time_axis, in.rank()));
  if (batch == time) return bad_attribute("batch and time are the same axis");
  const Tensor& lengths = node.input(1);
  LICHEN_TRY(require_integers(lengths));
  if (lengths.spec.shape == tensor::Shape{in[batch]}) return {};
  return bad_tensor(lengths, fmt::format("lengths {} for {} sequences", lengths.spec.shape.to_text(), in[batch]));
}

Result<void> check_shape_input(const NodeView& node) {
  return require_parameter(node, 1);
}

Result<OutputTypes> infer_expand(const NodeView& node) {
  const auto dims = node.integers(1);
  if (!dims) return not_yet(node.input(0).spec.dtype);
  const tensor::Shape wanted = LICHEN_TRY(tensor::Shape::make(*dims, node.node().name));
  return output_like(node, LICHEN_TRY(broadcast(node, node.input(0).spec.shape, wanted)));
}

Result<OutputTypes> infer_tile(const NodeView& node) {
  const auto repeats = node.integers(1);
  if (!repeats) return not_yet(node.input(0).spec.dtype);
  const tensor::Shape& in = node.input(0).spec.shape;
  if (repeats->size() != in.rank())
    return bad_tensor(node.input(1), fmt::format("{} repeats for rank {}", repeats->size(), in.rank()));
  std::array<std::int64_t, tensor::kRankMax> dims{};
  for (std::size_t i = 0; i < in.rank(); ++i) dims[i] = LICHEN_TRY(size_product(in[i], (*repeats)[i]));
  return output_like(node, std::span<const std::int64_t>(dims).first(in.rank()));
}

Result<void> check_trilu(const NodeView& node) {
  if (node.input(0).spec.shape.rank() < 2) return bad_tensor(node.input(0), "a matrix is needed");
  LICHEN_TRY(require_parameter(node, 1));
  if (node.has_input(1) && node.input(1).spec.shape.elements() != 1)
    return bad_tensor(node.input(1), "the diagonal must be one number");
  return {};
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kTranspose,
             .name = "Transpose",
             .attributes_fit = holds<TransposeAttributes>,
             .check = check_transpose,
             .infer = infer_transpose,
             .check_outputs = check_transpose_outputs},
    OpSchema{.op = Op::kReverse,
             .name = "Reverse",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<NoAttributes>,
             .check = check_axes_input,
             .infer = infer_reverse,
             .check_outputs = check_kept_quantization},
    OpSchema{.op = Op::kReverseSequence,
             .name = "ReverseSequence",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<ReverseSequenceAttributes>,
             .check = check_reverse_sequence,
             .infer = infer_same,
             .check_outputs = check_kept_quantization},
    OpSchema{.op = Op::kExpand,
             .name = "Expand",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<NoAttributes>,
             .check = check_shape_input,
             .infer = infer_expand,
             .check_outputs = check_kept_quantization},
    OpSchema{.op = Op::kTile,
             .name = "Tile",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<NoAttributes>,
             .check = check_shape_input,
             .infer = infer_tile,
             .check_outputs = check_kept_quantization},
    OpSchema{.op = Op::kTrilu,
             .name = "Trilu",
             .inputs_max = 2,
             .attributes_fit = holds<TriluAttributes>,
             .check = check_trilu,
             .infer = infer_same,
             .check_outputs = check_kept_quantization},
};

}  // namespace

Result<std::vector<std::size_t>> transpose_axes(const NodeView& node) {
  const auto& permutation = node.attributes<TransposeAttributes>().permutation;
  const std::size_t rank = node.input(0).spec.shape.rank();
  std::vector<std::int64_t> axes(permutation.begin(), permutation.end());
  if (axes.empty()) {
    for (std::size_t i = rank; i-- > 0;) axes.push_back(static_cast<std::int64_t>(i));
  }
  return axes_of(axes, rank);
}

std::span<const OpSchema> movement_rows() {
  return kRows;
}

}  // namespace lichen::graph
