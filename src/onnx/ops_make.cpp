// SPDX-License-Identifier: Apache-2.0
// Tensors from sizes and values; If; NonMaxSuppression.
#include <array>

#include "onnx/importer.hpp"
#include "onnx/tensors.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

namespace {

Ids constant(Call& c) {
  if (const auto* value = c.tensor_attribute("value")) return {c.constant(*value)};
  if (c.has_attribute("value_float")) return {c.scalar(c.real("value_float", 0.0F))};
  if (c.has_attribute("value_int")) return {c.scalar(c.integer("value_int", 0))};
  if (c.has_attribute("value_ints")) return {c.ints(c.integers("value_ints"))};
  if (c.has_attribute("value_floats")) {
    const std::vector<float> values = c.reals("value_floats");
    return {c.floats(values, {static_cast<std::int64_t>(values.size())})};
  }
  c.refuse("its value is a string, sparse, or not there");
  return {kNoTensor};
}

Ids constant_of_shape(Call& c) {
  TensorId value = kNoTensor;
  if (const auto* given = c.tensor_attribute("value")) {
    value = c.constant(*given);
    const tensor::Shape* shape = c.shape(value);
    if (!c.failed() && shape->elements() != 1) c.bad("its value is not one element");
    if (!c.failed()) value = c.reshaped(value, {});
  } else {
    value = c.scalar(0.0F);
  }
  const TensorId y = c.emit(Op::kFill, graph::NoAttributes{}, {c.in(0), value});
  const tensor::Shape* dims = c.shape(c.in(0));
  if (!c.failed() && dims != nullptr && dims->rank() == 1) c.hint_rank(y, static_cast<std::size_t>((*dims)[0]));
  return {y};
}

Ids compress(Call& c) {
  graph::CompressAttributes a;
  a.flat = !c.has_attribute("axis");
  a.axis = c.int32("axis", 0);
  const TensorId y = c.emit(Op::kCompress, a, {c.in(0), c.in(1)});
  if (!c.failed()) c.hint_rank(y, a.flat ? std::optional<std::size_t>(1) : c.rank(c.in(0)));
  return {y};
}

Ids eye_like(Call& c) {
  graph::EyeLikeAttributes a;
  a.k = c.int32("k", 0);
  auto dtype = c.dtype(c.in(0));
  if (c.has_attribute("dtype")) {
    const std::int32_t to = c.int32("dtype", 0);
    dtype = dtype_of_onnx(to);
    if (!dtype) c.refuse("of " + onnx_type_name(to));
  }
  if (!dtype) c.refuse("its type is known only when it runs");
  a.to = dtype.value_or(tensor::DType::kF32);
  return {c.emit(Op::kEyeLike, a, {c.in(0)})};
}

Ids non_zero(Call& c) {
  return {c.emit(Op::kNonZero, graph::NoAttributes{}, {c.in(0)})};
}

TensorId as_i64(Call& c, TensorId x) {
  const auto dtype = c.dtype(x);
  if (c.failed() || dtype == tensor::DType::kI64 || dtype == tensor::DType::kI32) return x;
  return c.emit(Op::kCast, graph::CastAttributes{tensor::DType::kI64}, {x});
}

Ids one_hot(Call& c) {
  const TensorId indices = as_i64(c, c.in(0));
  const TensorId depth = as_i64(c, c.in(1));
  const TensorId y = c.emit(Op::kOneHot, graph::AxisAttributes{c.int32("axis", -1)}, {indices, depth, c.in(2)});
  const auto rank = c.rank(c.in(0));
  if (!c.failed() && rank) c.hint_rank(y, *rank + 1);
  return {y};
}

Ids range(Call& c) {
  const TensorId y = c.emit(Op::kRange, graph::NoAttributes{}, {c.in(0), c.in(1), c.in(2)});
  if (!c.failed()) c.hint_rank(y, 1);
  return {y};
}

Ids shape(Call& c) {
  graph::ShapeAttributes a;
  if (c.opset() >= 15) {
    a.start = c.int32("start", 0);
    a.end = c.int32("end", INT32_MAX);
  }
  const TensorId y = c.emit(Op::kShape, a, {c.in(0)});
  if (!c.failed()) c.hint_rank(y, 1);
  return {y};
}

Ids size(Call& c) {
  return {c.emit(Op::kSize, graph::ShapeAttributes{}, {c.in(0)})};
}

Ids branch(Call& c) {
  return c.branch(c.in(0));
}

Ids non_max_suppression(Call& c) {
  const graph::NonMaxSuppressionAttributes a{c.flag("center_point_box")};
  return {c.emit(Op::kNonMaxSuppression, a, {c.in(0), c.in(1), c.optional(2), c.optional(3), c.optional(4)})};
}

constexpr std::array kRows = {
    OnnxOp{"Compress", 9, compress},
    OnnxOp{"Constant", 1, constant},
    OnnxOp{"ConstantOfShape", 9, constant_of_shape},
    OnnxOp{"EyeLike", 9, eye_like},
    OnnxOp{"If", 1, branch},
    OnnxOp{"NonMaxSuppression", 10, non_max_suppression},
    OnnxOp{"NonZero", 9, non_zero},
    OnnxOp{"OneHot", 9, one_hot},
    OnnxOp{"Range", 11, range},
    OnnxOp{"Shape", 1, shape},
    OnnxOp{"Size", 1, size},
};

}  // namespace

std::span<const OnnxOp> make_ops() {
  return kRows;
}

}  // namespace lichen::formats
