// SPDX-License-Identifier: Apache-2.0
// What becomes of the elements along axes: sums, means, extremes and their places, the k largest, running sums.
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/reduced.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {

std::optional<Result<ReducedAxes>> reduced_axes(const NodeView& node) {
  const std::size_t rank = node.input(0).spec.shape.rank();
  ReducedAxes reduced{};
  std::vector<std::int64_t> axes;
  if (node.has_input(1)) {
    auto known = node.integers(1);
    if (!known) return std::nullopt;
    axes = *std::move(known);
  }
  if (axes.empty() && !node.attributes<ReduceAttributes>().no_axes_is_identity) {
    for (std::size_t i = 0; i < rank; ++i) reduced[i] = true;
  }
  for (const std::int64_t axis : axes) {
    const auto at = axis_of(axis, rank);
    if (!at) return std::unexpected(at.error());
    reduced[*at] = true;
  }
  return reduced;
}

namespace {

constexpr unsigned kWordsToo = kReals | kQuantized | kQuantized16;

Result<OutputTypes> without(const NodeView& node, const ReducedAxes& reduced, bool keep_dims, tensor::DType dtype) {
  const tensor::Shape& in = node.input(0).spec.shape;
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < in.rank(); ++i) {
    if (!reduced[i]) dims.push_back(in[i]);
    if (reduced[i] && keep_dims) dims.push_back(1);
  }
  return output_of(dtype, LICHEN_TRY(tensor::Shape::make(dims, node.node().name)));
}

template <unsigned kinds>
Result<void> check(const NodeView& node) {
  LICHEN_TRY(require_kind(node.input(0), kinds));
  return node.has_input(1) ? require_integers(node.input(1)) : Result<void>{};
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto reduced = reduced_axes(node);
  const tensor::DType dtype = node.input(0).spec.dtype;
  if (!reduced) return OutputTypes{{dtype, std::nullopt, false}};
  if (!*reduced) return std::unexpected(reduced->error());
  return without(node, **reduced, node.attributes<ReduceAttributes>().keep_dims, dtype);
}

std::int64_t operations(const NodeView& node) {
  return node.input(0).spec.shape.elements();
}

template <unsigned kinds>
constexpr OpSchema row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .inputs_max = 2,
          .attributes_fit = holds<ReduceAttributes>,
          .check = check<kinds>,
          .infer = infer,
          .check_outputs = check_quantized_like_input,
          .operations = operations};
}

Result<void> check_arg(const NodeView& node) {
  const auto& a = node.attributes<ArgAttributes>();
  LICHEN_TRY(require_kind(node.input(0), kNumbers | kBools));
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::size_t axis = LICHEN_TRY(axis_of(a.axis, in.rank()));
  if (in[axis] == 0) return bad_tensor(node.input(0), fmt::format("no elements along axis {}", axis));
  if (a.to == tensor::DType::kI32 || a.to == tensor::DType::kI64) return {};
  return bad_attribute(fmt::format("places as {}", name_of(a.to)));
}

Result<OutputTypes> infer_arg(const NodeView& node) {
  const auto& a = node.attributes<ArgAttributes>();
  ReducedAxes reduced{};
  reduced[LICHEN_TRY(axis_of(a.axis, node.input(0).spec.shape.rank()))] = true;
  return without(node, reduced, a.keep_dims, a.to);
}

constexpr OpSchema arg_row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .attributes_fit = holds<ArgAttributes>,
          .check = check_arg,
          .infer = infer_arg,
          .operations = operations};
}

Result<void> check_cumsum(const NodeView& node) {
  LICHEN_TRY(require_kind(node.input(0), kReals | kIntegers));
  LICHEN_TRY(require_integers(node.input(1)));
  return require_one_element(node.input(1));
}

Result<OutputTypes> infer_cumsum(const NodeView& node) {
  const auto axis = node.integers(1);
  if (!axis) return OutputTypes{{node.input(0).spec.dtype, std::nullopt, false}};
  LICHEN_TRY(axis_of(axis->front(), node.input(0).spec.shape.rank()));
  return infer_same(node);
}

Result<void> check_topk(const NodeView& node) {
  const auto& a = node.attributes<TopKAttributes>();
  LICHEN_TRY(require_kind(node.input(0), kNumbers));
  LICHEN_TRY(axis_of(a.axis, node.input(0).spec.shape.rank()));
  LICHEN_TRY(require_integers(node.input(1)));
  LICHEN_TRY(require_one_element(node.input(1)));
  if (a.to == tensor::DType::kI32 || a.to == tensor::DType::kI64) return {};
  return bad_attribute(fmt::format("places as {}", name_of(a.to)));
}

Result<OutputTypes> infer_topk(const NodeView& node) {
  const auto& a = node.attributes<TopKAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const auto k = node.integers(1);
  if (!k) return OutputTypes{{node.input(0).spec.dtype, std::nullopt, false}, {a.to, std::nullopt, false}};
  const std::size_t axis = LICHEN_TRY(axis_of(a.axis, in.rank()));
  if (k->front() < 0 || k->front() > in[axis])
    return bad_tensor(node.input(1), fmt::format("the {} best of {}", k->front(), in[axis]));
  std::vector<std::int64_t> dims(in.dims().begin(), in.dims().end());
  dims[axis] = k->front();
  const auto shape = LICHEN_TRY(tensor::Shape::make(dims, node.node().name));
  return OutputTypes{{node.input(0).spec.dtype, shape, false}, {a.to, shape, false}};
}

constexpr unsigned kSums = kReals | kIntegers;

constexpr std::array kRows = {
    row<kBools>(Op::kReduceAll, "ReduceAll"),
    row<kBools>(Op::kReduceAny, "ReduceAny"),
    row<kSums>(Op::kReduceL1, "ReduceL1"),
    row<kSums>(Op::kReduceL2, "ReduceL2"),
    row<kSums>(Op::kReduceLogSum, "ReduceLogSum"),
    row<kSums>(Op::kReduceLogSumExp, "ReduceLogSumExp"),
    row<kWordsToo | kIntegers | kBools>(Op::kReduceMax, "ReduceMax"),
    row<kWordsToo | kIntegers>(Op::kReduceMean, "ReduceMean"),
    row<kWordsToo | kIntegers | kBools>(Op::kReduceMin, "ReduceMin"),
    row<kSums>(Op::kReduceProd, "ReduceProd"),
    row<kWordsToo | kIntegers>(Op::kReduceSum, "ReduceSum"),
    row<kSums>(Op::kReduceSumSquare, "ReduceSumSquare"),
    arg_row(Op::kArgMax, "ArgMax"),
    arg_row(Op::kArgMin, "ArgMin"),
    OpSchema{.op = Op::kCumSum,
             .name = "CumSum",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<CumSumAttributes>,
             .check = check_cumsum,
             .infer = infer_cumsum},
    OpSchema{.op = Op::kTopK,
             .name = "TopK",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .outputs_max = 2,
             .attributes_fit = holds<TopKAttributes>,
             .check = check_topk,
             .infer = infer_topk,
             .check_outputs = check_same_scale,
             .operations = operations},
};

}  // namespace

std::span<const OpSchema> reduce_rows() {
  return kRows;
}

}  // namespace lichen::graph
