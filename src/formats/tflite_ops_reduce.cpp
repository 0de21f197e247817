// SPDX-License-Identifier: Apache-2.0
// Reductions, extremes and running sums, and tensors made from sizes.
#include <array>

#include <fmt/format.h>

#include "formats/tflite_incoming.hpp"
#include "formats/tflite_outgoing.hpp"

namespace lichen::formats {
namespace {

using graph::Attributes;
using graph::Op;
using graph::TensorId;
using tensor::DType;
using tensor::Shape;

constexpr std::uint32_t kFirst = 1U << 0;
constexpr std::uint32_t kSecond = 1U << 1;
constexpr std::int32_t kCastCode = 53;
constexpr auto kPlain = fixed_attributes<graph::NoAttributes>;

Result<Attributes> read_reduce(const tflite::Operator& from) {
  graph::ReduceAttributes to;
  const auto* options = from.builtin_options_as_ReducerOptions();
  to.keep_dims = options != nullptr && options->keep_dims();
  to.no_axes_is_identity = true;
  return to;
}

// All axes of a tensor of this rank.
std::vector<std::int64_t> all_axes(std::size_t rank) {
  std::vector<std::int64_t> axes(rank);
  for (std::size_t i = 0; i < rank; ++i) axes[i] = static_cast<std::int64_t>(i);
  return axes;
}

Result<void> write_reduce(Outgoing& out) {
  const auto& a = out.node().attributes<graph::ReduceAttributes>();
  tflite::ReducerOptionsT table;
  table.keep_dims = a.keep_dims;
  TensorId axes = graph::kNoTensor;
  const bool none = !out.node().has_input(1) || out.node().input(1).spec.shape == Shape{0};
  if (!none) {
    axes = out.narrowed(1);
  } else {
    if (!out.node().input(0).spec.shape.known()) return out.cannot("the rank of its input is not known");
    axes = out.constant(a.no_axes_is_identity ? std::vector<std::int64_t>{}
                                              : all_axes(out.node().input(0).spec.shape.rank()));
  }
  out.emit_row({out.input(0), axes}, {out.output()}, options_with(table));
  return {};
}

template <typename T>
Result<void> read_arg(Incoming& in) {
  LICHEN_TRY(in.expect(2, 1));
  const T* options = in.from().builtin_options_as<T>();
  graph::ArgAttributes to;
  const std::int64_t axis = LICHEN_TRY(in.integer(1, "an axis"));
  if (axis < INT32_MIN || axis > INT32_MAX) return bad_options(fmt::format("axis {}", axis));
  to.axis = static_cast<std::int32_t>(axis);
  to.keep_dims = false;
  to.to = in.tensor(in.outputs[0]).spec.dtype;
  if (options != nullptr) to.to = read_type(options->output_type()).value_or(to.to);
  constexpr Op kOp = std::is_same_v<T, tflite::ArgMaxOptions> ? Op::kArgMax : Op::kArgMin;
  in.add(kOp, to, {in.inputs[0]}, in.outputs);
  return {};
}

template <typename T>
Result<void> write_arg(Outgoing& out) {
  const auto& a = out.node().attributes<graph::ArgAttributes>();
  if (a.last) return out.cannot("the last of equals");
  typename T::NativeTableType table;
  table.output_type = write_type(a.to);
  const std::vector<TensorId> inputs = {out.input(0), out.constant(a.axis)};
  if (!a.keep_dims) {
    out.emit_row(inputs, {out.output()}, options_with(table));
    return {};
  }
  const Shape kept = LICHEN_TRY(out.output_shape());
  std::vector<std::int64_t> dims(kept.dims().begin(), kept.dims().end());
  const std::int64_t axis = a.axis < 0 ? a.axis + static_cast<std::int64_t>(dims.size()) : a.axis;
  dims.erase(dims.begin() + axis);
  const TensorId dropped = out.temporary(a.to, Shape(dims));
  out.emit_row(inputs, {dropped}, options_with(table));
  out.reshape(dropped, out.output(), kept);
  return {};
}

Result<Attributes> read_cumsum(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::CumsumOptions>(from));
  return graph::CumSumAttributes{options->exclusive(), options->reverse()};
}
void write_cumsum(const Attributes& attributes, TfliteOptions& to) {
  const auto& a = std::get<graph::CumSumAttributes>(attributes);
  tflite::CumsumOptionsT table;
  table.exclusive = a.exclusive;
  table.reverse = a.reverse;
  to.Set(table);
}

Result<Attributes> read_top_k(const tflite::Operator&) {
  return graph::TopKAttributes{-1, true, true, DType::kI32};
}

Result<void> write_top_k(Outgoing& out) {
  const auto& a = out.node().attributes<graph::TopKAttributes>();
  const Shape shape = LICHEN_TRY(out.output_shape());
  const bool last = a.axis == -1 || static_cast<std::size_t>(a.axis) + 1 == shape.rank();
  if (!a.largest || !last) return out.cannot("other than the largest along the last axis");
  const TensorId k = out.list_of(1, std::vector{shape[shape.rank() - 1]});
  const TensorId indices = a.to == DType::kI32 ? out.output(1) : out.temporary(DType::kI32, shape);
  const TensorId values = out.output(0) == graph::kNoTensor ? out.temporary(out.input(0)) : out.output(0);
  out.emit_row({out.input(0), k}, {values, indices});
  if (a.to == DType::kI32 || out.output(1) == graph::kNoTensor) return {};
  tflite::CastOptionsT cast;
  cast.in_data_type = tflite::TensorType_INT32;
  cast.out_data_type = write_type(a.to);
  out.emit(kCastCode, {indices}, {out.output(1)}, options_with(cast));
  return {};
}

Result<Attributes> read_shape(const tflite::Operator& from) {
  const auto* options = from.builtin_options_as_ShapeOptions();
  graph::ShapeAttributes to;
  to.to = options != nullptr && options->out_type() == tflite::TensorType_INT64 ? DType::kI64 : DType::kI32;
  return to;
}

Result<void> write_shape(Outgoing& out) {
  const auto& a = out.node().attributes<graph::ShapeAttributes>();
  if (a.start != 0 || a.end != INT32_MAX) return out.cannot("part of a shape");
  tflite::ShapeOptionsT table;
  table.out_type = write_type(a.to);
  out.emit_row({out.input(0)}, {out.output()}, options_with(table));
  return {};
}

// The number of dimensions: the size of the shape.
Result<void> read_rank(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  const TensorId shape = in.temporary(DType::kI32);
  in.add(Op::kShape, graph::ShapeAttributes{DType::kI32}, in.inputs, {shape});
  in.add(Op::kSize, graph::ShapeAttributes{DType::kI32}, {shape}, in.outputs);
  return {};
}

Result<void> read_zeros_like(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  const TensorId shape = in.temporary(DType::kI32);
  in.add(Op::kShape, graph::ShapeAttributes{DType::kI32}, in.inputs, {shape});
  in.add(Op::kFill, graph::NoAttributes{}, {shape, in.zero(in.tensor(in.inputs[0]).spec.dtype)}, in.outputs);
  return {};
}

// indices, depth, on, off -> indices, depth, [off, on].
Result<void> read_one_hot(Incoming& in) {
  LICHEN_TRY(in.expect(4, 1));
  const auto* options = LICHEN_TRY(options_of<tflite::OneHotOptions>(in.from()));
  std::vector<TensorId> lists;
  for (const std::size_t i : {3U, 2U}) {
    lists.push_back(in.temporary(in.inputs[i]));
    in.add(Op::kReshape, graph::ReshapeAttributes{{1}}, {in.inputs[i]}, {lists.back()});
  }
  const TensorId values = in.temporary(in.inputs[2]);
  in.add(Op::kConcat, graph::AxisAttributes{0}, lists, {values});
  in.add(Op::kOneHot, graph::AxisAttributes{options->axis()}, {in.inputs[0], in.inputs[1], values}, in.outputs);
  return {};
}

Result<void> write_one_hot(Outgoing& out) {
  const graph::Tensor& values = out.node().input(2);
  const TensorId on = out.temporary(values.spec.dtype, Shape{});
  const TensorId off = out.temporary(values.spec.dtype, Shape{});
  constexpr std::int32_t kUnpack = 88;
  tflite::UnpackOptionsT unpack;
  unpack.num = 2;
  out.emit(kUnpack, {out.input(2)}, {off, on}, options_with(unpack));
  tflite::OneHotOptionsT table;
  table.axis = out.node().attributes<graph::AxisAttributes>().axis;
  const Shape shape = LICHEN_TRY(out.output_shape());
  const std::size_t axis = table.axis < 0 ? shape.rank() - 1 : static_cast<std::size_t>(table.axis);
  const TensorId depth = out.constant(static_cast<std::int32_t>(shape[axis]));
  out.emit_row({out.narrowed(0), depth, on, off}, {out.output()}, options_with(table));
  return {};
}

// Places of what is true, one a row: NonZero has one a column.
Result<void> read_where(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  const TensorId columns = in.temporary(DType::kI64);
  in.add(Op::kNonZero, graph::NoAttributes{}, in.inputs, {columns});
  in.add(Op::kTranspose, graph::TransposeAttributes{{1, 0}}, {columns}, in.outputs);
  return {};
}

constexpr TfliteOp reduce(std::int32_t code, Op op) {
  return {code, op, 1, 2, read_reduce, nullptr, nullptr, write_reduce};
}

constexpr std::array kRows = {
    reduce(40, Op::kReduceMean),
    reduce(74, Op::kReduceSum),
    reduce(81, Op::kReduceProd),
    reduce(82, Op::kReduceMax),
    reduce(89, Op::kReduceMin),
    TfliteOp{91, Op::kReduceAny, 1, 1, read_reduce, nullptr, nullptr, write_reduce},
    TfliteOp{140, Op::kReduceAll, 1, 1, read_reduce, nullptr, nullptr, write_reduce},
    TfliteOp{56, Op::kArgMax, 1, 2, nullptr, read_arg<tflite::ArgMaxOptions>, nullptr,
             write_arg<tflite::ArgMaxOptions>},
    TfliteOp{79, Op::kArgMin, 1, 2, nullptr, read_arg<tflite::ArgMinOptions>, nullptr,
             write_arg<tflite::ArgMinOptions>},
    TfliteOp{128, Op::kCumSum, 1, 1, read_cumsum, nullptr, write_cumsum, nullptr, kSecond},
    TfliteOp{48, Op::kTopK, 1, 2, read_top_k, nullptr, nullptr, write_top_k},
    TfliteOp{77, Op::kShape, 1, 1, read_shape, nullptr, nullptr, write_shape},
    TfliteOp{94, Op::kFill, 1, 3, kPlain, nullptr, no_options, nullptr, kFirst},
    TfliteOp{96, Op::kRange, 1, 1, kPlain, nullptr, no_options},
    TfliteOp{85, Op::kOneHot, 1, 1, nullptr, read_one_hot, nullptr, write_one_hot},
    TfliteOp{109, Op::kCount, 1, 1, nullptr, read_where},
    TfliteOp{110, Op::kCount, 1, 1, nullptr, read_rank},
    TfliteOp{93, Op::kCount, 1, 1, nullptr, read_zeros_like},
};

}  // namespace

std::span<const TfliteOp> tflite_reduce_rows() {
  return kRows;
}

}  // namespace lichen::formats
