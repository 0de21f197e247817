// SPDX-License-Identifier: Apache-2.0
// Reductions, ArgMax and ArgMin, CumSum, TopK, and the poolings over all of an image, which are reductions.
#include <array>

#include "onnx/importer.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

namespace {

// Axes became an input in opset 13 (ReduceSum) and 18 (the others).
Ids reduce_since(Call& c, std::int64_t opset_of_input) {
  const TensorId x = c.in(0);
  graph::ReduceAttributes a;
  a.keep_dims = c.flag("keepdims", true);
  TensorId axes = kNoTensor;
  if (c.opset() >= opset_of_input) {
    axes = c.optional(1);
    a.no_axes_is_identity = c.flag("noop_with_empty_axes");
  } else if (const Dims given = c.integers("axes"); !given.empty()) {
    axes = c.ints(given);
  }
  const bool on_bools = c.dtype(x) == tensor::DType::kBool && (c.op() == Op::kReduceMax || c.op() == Op::kReduceMin);
  const Op logical = c.op() == Op::kReduceMax ? Op::kReduceAny : Op::kReduceAll;
  const TensorId y = c.emit(on_bools ? logical : c.op(), a, {x, axes});
  if (a.keep_dims) c.hint_rank(y, c.rank(x));
  return {y};
}

Ids reduce(Call& c) {
  return reduce_since(c, 18);
}

Ids reduce_sum(Call& c) {
  return reduce_since(c, 13);
}

Ids arg(Call& c) {
  graph::ArgAttributes a;
  a.axis = c.int32("axis", 0);
  a.keep_dims = c.flag("keepdims", true);
  if (c.opset() >= 12) a.last = c.flag("select_last_index");
  const TensorId y = c.emit(c.op(), a, {c.in(0)});
  if (a.keep_dims) c.hint_rank(y, c.rank(c.in(0)));
  return {y};
}

Ids cum_sum(Call& c) {
  graph::CumSumAttributes a;
  a.exclusive = c.flag("exclusive");
  a.reverse = c.flag("reverse");
  const TensorId y = c.emit(Op::kCumSum, a, {c.in(0), c.in(1)});
  c.hint_rank(y, c.rank(c.in(0)));
  return {y};
}

Ids top_k(Call& c) {
  graph::TopKAttributes a;
  a.axis = c.int32("axis", -1);
  if (c.opset() >= 11) {
    a.largest = c.flag("largest", true);
    a.sorted = c.flag("sorted", true);
  }
  const TensorId k = c.opset() >= 10 ? c.in(1) : c.ints({c.integer("k", 1)});
  const Ids y = c.emit_all(Op::kTopK, a, {c.in(0), k}, {true, true});
  for (const TensorId id : y) {
    if (!c.failed()) c.hint_rank(id, c.rank(c.in(0)));
  }
  return y;
}

// Axes 2 to the last.
TensorId spatial_axes(Call& c, TensorId x) {
  const std::size_t rank = c.need_rank(x);
  if (!c.failed() && rank < 3) c.bad("its input has no spatial axes");
  Dims axes;
  for (std::size_t i = 2; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  return c.failed() ? kNoTensor : c.ints(axes);
}

Ids global_pool(Call& c) {
  const TensorId x = c.in(0);
  const TensorId axes = spatial_axes(c, x);
  const TensorId y = c.emit(c.op(), graph::ReduceAttributes{}, {x, axes});
  c.hint_rank(y, c.rank(x));
  return {y};
}

Ids global_lp_pool(Call& c) {
  const std::int64_t p = c.integer("p", 2);
  if (p != 1 && p != 2) c.refuse("a norm other than 1 and 2");
  const TensorId x = c.in(0);
  const TensorId axes = spatial_axes(c, x);
  const TensorId y = c.emit(p == 1 ? Op::kReduceL1 : Op::kReduceL2, graph::ReduceAttributes{}, {x, axes});
  c.hint_rank(y, c.rank(x));
  return {y};
}

constexpr std::array kRows = {
    OnnxOp{"ArgMax", 1, arg, Op::kArgMax},
    OnnxOp{"ArgMin", 1, arg, Op::kArgMin},
    OnnxOp{"CumSum", 11, cum_sum},
    OnnxOp{"GlobalAveragePool", 1, global_pool, Op::kReduceMean},
    OnnxOp{"GlobalLpPool", 2, global_lp_pool},
    OnnxOp{"GlobalMaxPool", 1, global_pool, Op::kReduceMax},
    OnnxOp{"ReduceL1", 1, reduce, Op::kReduceL1},
    OnnxOp{"ReduceL2", 1, reduce, Op::kReduceL2},
    OnnxOp{"ReduceLogSum", 1, reduce, Op::kReduceLogSum},
    OnnxOp{"ReduceLogSumExp", 1, reduce, Op::kReduceLogSumExp},
    OnnxOp{"ReduceMax", 1, reduce, Op::kReduceMax},
    OnnxOp{"ReduceMean", 1, reduce, Op::kReduceMean},
    OnnxOp{"ReduceMin", 1, reduce, Op::kReduceMin},
    OnnxOp{"ReduceProd", 1, reduce, Op::kReduceProd},
    OnnxOp{"ReduceSum", 1, reduce_sum, Op::kReduceSum},
    OnnxOp{"ReduceSumSquare", 1, reduce, Op::kReduceSumSquare},
    OnnxOp{"TopK", 1, top_k},
};

}  // namespace

std::span<const OnnxOp> reduce_ops() {
  return kRows;
}

}  // namespace lichen::formats
