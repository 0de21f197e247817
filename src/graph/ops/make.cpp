// SPDX-License-Identifier: Apache-2.0
// Tensors from sizes and conditions: Compress, EyeLike, Fill, NonZero, OneHot, Range, Shape, Size.
#include "graph/ops/make.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

Result<void> require_one(const Tensor& tensor) {
  if (tensor.spec.shape.elements() == 1 && tensor.spec.shape.rank() <= 1) return {};
  return bad_tensor(tensor, fmt::format("shape {} where one number is needed", tensor.spec.shape.to_text()));
}

Result<void> require_number(const Tensor& tensor) {
  return tensor.spec.dtype == DType::kF32 ? Result<void>{} : require_integers(tensor);
}

Result<void> require_integer_result(DType dtype) {
  if (dtype == DType::kI32 || dtype == DType::kI64) return {};
  return bad_attribute(fmt::format("sizes as {}", name_of(dtype)));
}

Result<void> check_compress(const NodeView& node) {
  LICHEN_TRY(require_dtype(node.input(1), DType::kBool));
  LICHEN_TRY(require_rank(node.input(1), 1));
  const auto& a = node.attributes<CompressAttributes>();
  if (!a.flat) LICHEN_TRY(axis_of(a.axis, node.input(0).spec.shape.rank()));
  return {};
}

Result<OutputTypes> infer_compress(const NodeView& node) {
  const auto& a = node.attributes<CompressAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  std::vector<std::int64_t> dims(in.dims().begin(), in.dims().end());
  if (a.flat) dims = {in.elements()};
  std::int64_t& size = dims[a.flat ? 0 : LICHEN_TRY(axis_of(a.axis, in.rank()))];
  const auto condition = node.is_constant(1) ? node.value(1) : std::nullopt;
  size = std::min(size, node.input(1).spec.shape.elements());
  if (condition) size -= std::ranges::count(condition->first(static_cast<std::size_t>(size)), std::byte{0});
  return OutputTypes{{node.input(0).spec.dtype, LICHEN_TRY(tensor::Shape::make(dims, node.node().name)), !condition}};
}

Result<void> check_eye_like(const NodeView& node) {
  return require_rank(node.input(0), 2);
}

Result<OutputTypes> infer_eye_like(const NodeView& node) {
  return output_of(node.attributes<EyeLikeAttributes>().to, node.input(0).spec.shape);
}

Result<void> check_fill(const NodeView& node) {
  LICHEN_TRY(require_parameter(node, 0));
  return require_one(node.input(1));
}

Result<OutputTypes> infer_fill(const NodeView& node) {
  const auto dims = node.integers(0);
  if (!dims) return not_yet(node.input(1).spec.dtype);
  return output_of(node.input(1).spec.dtype, LICHEN_TRY(tensor::Shape::make(*dims, node.node().name)));
}

Result<void> check_fill_outputs(const NodeView& node) {
  if (node.output().quantization == node.input(1).quantization) return {};
  return bad_tensor(node.output(), "a scale other than the value's", Code::kUnsupported);
}

// At most all elements; of each its place along every axis.
Result<OutputTypes> infer_non_zero(const NodeView& node) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::int64_t dims[] = {std::max<std::int64_t>(1, static_cast<std::int64_t>(in.rank())), in.elements()};
  return OutputTypes{{DType::kI64, LICHEN_TRY(tensor::Shape::make(dims, node.node().name)), true}};
}

Result<void> check_one_hot(const NodeView& node) {
  LICHEN_TRY(require_number(node.input(0)));
  LICHEN_TRY(require_number(node.input(1)));
  LICHEN_TRY(require_one(node.input(1)));
  if (node.input(2).spec.shape != tensor::Shape{2}) return bad_tensor(node.input(2), "two values are needed: off, on");
  const auto rank = static_cast<std::int64_t>(node.input(0).spec.shape.rank());
  const std::int64_t axis = node.attributes<AxisAttributes>().axis;
  if (axis >= -rank - 1 && axis <= rank) return {};
  return bad_attribute(fmt::format("axis {} of rank {}", axis, rank + 1));
}

std::optional<double> number_of(const NodeView& node, std::size_t i) {
  if (!node.value(i)) return std::nullopt;
  if (node.input(i).spec.dtype == DType::kF32) return static_cast<double>(node.floats(i)->front());
  return static_cast<double>(node.integers(i)->front());
}

Result<OutputTypes> infer_one_hot(const NodeView& node) {
  const auto depth = number_of(node, 1);
  const DType dtype = node.input(2).spec.dtype;
  if (!depth) return not_yet(dtype);
  if (!(*depth >= 0 && *depth <= static_cast<double>(tensor::kElementsMax)))
    return bad_tensor(node.input(1), fmt::format("depth {}", *depth));
  const tensor::Shape& indices = node.input(0).spec.shape;
  const std::int64_t axis = node.attributes<AxisAttributes>().axis;
  const auto place = axis < 0 ? axis + static_cast<std::int64_t>(indices.rank()) + 1 : axis;
  std::vector<std::int64_t> dims(indices.dims().begin(), indices.dims().end());
  dims.insert(dims.begin() + place, static_cast<std::int64_t>(*depth));
  return output_of(dtype, LICHEN_TRY(tensor::Shape::make(dims, node.node().name)));
}

Result<void> check_range(const NodeView& node) {
  for (std::size_t i = 0; i < 3; ++i) {
    LICHEN_TRY(require_number(node.input(i)));
    LICHEN_TRY(require_same_type(node.input(i), node.input(0)));
    LICHEN_TRY(require_one(node.input(i)));
  }
  return {};
}

Result<OutputTypes> infer_range(const NodeView& node) {
  const auto count = LICHEN_TRY(range_count(node));
  if (!count) return not_yet(node.input(0).spec.dtype);
  const std::int64_t dims[] = {*count};
  return output_like(node, dims);
}

Result<void> check_shape(const NodeView& node) {
  return require_integer_result(node.attributes<ShapeAttributes>().to);
}

Result<OutputTypes> infer_shape(const NodeView& node) {
  const std::int64_t dims[] = {static_cast<std::int64_t>(shape_piece(node).count)};
  return output_of(node.attributes<ShapeAttributes>().to, tensor::Shape(dims));
}

Result<OutputTypes> infer_size(const NodeView& node) {
  return output_of(node.attributes<ShapeAttributes>().to, tensor::Shape{});
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kCompress,
             .name = "Compress",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<CompressAttributes>,
             .check = check_compress,
             .infer = infer_compress,
             .check_outputs = check_kept_quantization},
    OpSchema{.op = Op::kEyeLike,
             .name = "EyeLike",
             .attributes_fit = holds<EyeLikeAttributes>,
             .check = check_eye_like,
             .infer = infer_eye_like},
    OpSchema{.op = Op::kFill,
             .name = "Fill",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<NoAttributes>,
             .check = check_fill,
             .infer = infer_fill,
             .check_outputs = check_fill_outputs},
    OpSchema{.op = Op::kNonZero, .name = "NonZero", .attributes_fit = holds<NoAttributes>, .infer = infer_non_zero},
    OpSchema{.op = Op::kOneHot,
             .name = "OneHot",
             .inputs_min = 3,
             .inputs_max = 3,
             .inputs_required = 3,
             .attributes_fit = holds<AxisAttributes>,
             .check = check_one_hot,
             .infer = infer_one_hot},
    OpSchema{.op = Op::kRange,
             .name = "Range",
             .inputs_min = 3,
             .inputs_max = 3,
             .inputs_required = 3,
             .attributes_fit = holds<NoAttributes>,
             .check = check_range,
             .infer = infer_range},
    OpSchema{.op = Op::kShape,
             .name = "Shape",
             .attributes_fit = holds<ShapeAttributes>,
             .check = check_shape,
             .infer = infer_shape},
    OpSchema{.op = Op::kSize,
             .name = "Size",
             .attributes_fit = holds<ShapeAttributes>,
             .check = check_shape,
             .infer = infer_size},
};

}  // namespace

Result<std::optional<std::int64_t>> range_count(const NodeView& node) {
  if (!node.value(0) || !node.value(1) || !node.value(2)) return std::optional<std::int64_t>{};
  double count = 0.0;
  double delta = 0.0;
  if (node.input(0).spec.dtype == DType::kF32) {
    delta = static_cast<double>(node.floats(2)->front());
    count = std::ceil(static_cast<double>(node.floats(1)->front() - node.floats(0)->front()) / delta);
  } else {
    // Wide enough for what i64 can hold; a count that double cannot tell apart is refused below.
    delta = static_cast<double>(node.integers(2)->front());
    count = std::ceil(
        (static_cast<double>(node.integers(1)->front()) - static_cast<double>(node.integers(0)->front())) / delta);
  }
  if (delta == 0.0 || !(count <= static_cast<double>(tensor::kElementsMax)))
    return bad_attribute(fmt::format("a range of {} elements by steps of {}", count, delta));
  return std::optional(static_cast<std::int64_t>(std::max(count, 0.0)));
}

ShapePiece shape_piece(const NodeView& node) {
  const auto& a = node.attributes<ShapeAttributes>();
  const auto rank = static_cast<std::int64_t>(node.input(0).spec.shape.rank());
  const auto place = [rank](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t first = place(a.start);
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(std::max<std::int64_t>(place(a.end) - first, 0))};
}

std::span<const OpSchema> make_rows() {
  return kRows;
}

}  // namespace lichen::graph
