// SPDX-License-Identifier: Apache-2.0
// Normalizations and softmaxes. Channels are axis 1; the graph's ops take the axis, so nothing is transposed.
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "onnx/importer.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

namespace {

TensorId same_rank(Call& c, TensorId y, TensorId x) {
  if (!c.failed()) c.hint_rank(y, c.rank(x));
  return y;
}

Ids batch_norm(Call& c) {
  graph::NormAttributes a;
  a.axis = 1;
  a.epsilon = c.real("epsilon", 1e-5F);
  c.ignore("momentum");  // of training
  if (c.opset() < 7 && !c.flag("is_test")) c.refuse("it is trained (is_test is 0)");
  if (c.opset() < 9 && !c.flag("spatial", true)) c.refuse("statistics of each element (spatial is 0)");
  if (c.opset() >= 14 && c.flag("training_mode")) c.refuse("it is trained (training_mode)");
  return {same_rank(c, c.emit(Op::kBatchNorm, a, {c.in(0), c.in(1), c.in(2), c.in(3), c.in(4)}), c.in(0))};
}

Ids instance_norm(Call& c) {
  graph::NormAttributes a;
  a.axis = 1;
  a.epsilon = c.real("epsilon", 1e-5F);
  return {same_rank(c, c.emit(Op::kInstanceNorm, a, {c.in(0), c.in(1), c.in(2)}), c.in(0))};
}

// Opset 18 has one scale and bias a group: each is repeated for the channels of its group.
TensorId for_each_channel(Call& c, TensorId of_groups, std::int64_t groups, std::int64_t channels) {
  if (c.failed() || c.opset() >= 21) return of_groups;
  const std::int64_t each = channels / groups;
  const TensorId column = c.reshaped(of_groups, {groups, 1});
  const TensorId wide = c.emit(Op::kExpand, graph::NoAttributes{}, {column, c.ints({groups, each})});
  if (!c.failed()) c.hint_rank(wide, 2);
  return c.reshaped(wide, {channels});
}

Ids group_norm(Call& c) {
  graph::NormAttributes a;
  a.axis = 1;
  a.epsilon = c.real("epsilon", 1e-5F);
  a.groups = c.int32("num_groups", 0);
  if (c.opset() >= 21 && c.integer("stash_type", 1) != 1) c.refuse("a stash_type other than float32");
  const tensor::Shape* shape = c.shape(c.in(0));
  std::int64_t channels = shape != nullptr && shape->rank() >= 2 ? (*shape)[1] : 0;
  if (a.groups < 1) c.bad(fmt::format("{} groups", a.groups));
  else if (channels == 0 && c.opset() < 21) c.refuse("its channels are known only when it runs");
  else if (channels % a.groups != 0) c.bad(fmt::format("{} groups of {} channels", a.groups, channels));
  const TensorId scale = for_each_channel(c, c.in(1), a.groups, channels);
  const TensorId bias = for_each_channel(c, c.in(2), a.groups, channels);
  return {same_rank(c, c.emit(Op::kGroupNorm, a, {c.in(0), scale, bias}), c.in(0))};
}

Ids layer_norm(Call& c) {
  graph::NormAttributes a;
  a.axis = c.int32("axis", -1);
  a.epsilon = c.real("epsilon", 1e-5F);
  if (c.integer("stash_type", 1) != 1) c.refuse("a stash_type other than float32");
  std::vector<bool> wanted{true};
  if (c.wants(1) || c.wants(2)) wanted.push_back(c.wants(1));
  if (c.wants(2)) wanted.push_back(true);
  const Ids y = c.emit_all(Op::kLayerNorm, a, {c.in(0), c.in(1), c.optional(2)}, wanted);
  same_rank(c, y[0], c.in(0));
  return y;
}

Ids rms_norm(Call& c) {
  graph::NormAttributes a;
  a.axis = c.int32("axis", -1);
  a.epsilon = c.real("epsilon", 1e-5F);
  if (c.integer("stash_type", 1) != 1) c.refuse("a stash_type other than float32");
  return {same_rank(c, c.emit(Op::kRmsNorm, a, {c.in(0), c.in(1)}), c.in(0))};
}

Ids lp_norm(Call& c) {
  graph::NormAttributes a;
  a.axis = c.int32("axis", -1);
  a.p = c.int32("p", 2);
  return {same_rank(c, c.emit(Op::kLpNorm, a, {c.in(0)}), c.in(0))};
}

Ids lrn(Call& c) {
  graph::LocalResponseNormAttributes a;
  const std::int32_t size = c.int32("size", 0);
  if (size < 1) c.bad(fmt::format("a window of {}", size));
  a.axis = 1;
  a.before = (size - 1) / 2;
  a.after = size / 2;
  a.alpha = c.real("alpha", 1e-4F) / static_cast<float>(size);
  a.beta = c.real("beta", 0.75F);
  a.bias = c.real("bias", 1.0F);
  return {same_rank(c, c.emit(Op::kLocalResponseNorm, a, {c.in(0)}), c.in(0))};
}

// (x - mean) / (sqrt(mean of x^2 - mean^2) + 1e-9), as ONNX's function body has it.
Ids mean_variance_norm(Call& c) {
  Dims axes = c.integers("axes");
  if (axes.empty()) axes = {0, 2, 3};
  const TensorId x = c.in(0);
  if (c.failed()) return {kNoTensor};
  const TensorId over = c.ints(axes);
  const TensorId mean = c.emit(Op::kReduceMean, graph::ReduceAttributes{}, {x, over});
  const TensorId square_of_mean = c.unary(Op::kSquare, mean);
  const TensorId mean_of_square = c.emit(Op::kReduceMean, graph::ReduceAttributes{}, {c.unary(Op::kSquare, x), over});
  const TensorId deviation = c.unary(Op::kSqrt, c.binary(Op::kSub, mean_of_square, square_of_mean));
  const TensorId y = c.binary(Op::kDiv, c.binary(Op::kSub, x, mean), c.binary(Op::kAdd, deviation, c.scalar(1e-9F)));
  return {same_rank(c, y, x)};
}

// Before opset 13 over axis 1 and all after it together, by default.
Ids softmax(Call& c) {
  graph::SoftmaxAttributes a;
  a.flattens = c.opset() < 13;
  a.axis = c.int32("axis", a.flattens ? 1 : -1);
  const TensorId x = c.in(0);
  if (a.flattens && !c.failed()) {
    const auto rank = c.rank(x);
    if (rank && a.axis == static_cast<std::int64_t>(*rank) - 1) a.flattens = false;
  }
  return {same_rank(c, c.emit(c.op(), a, {x}), x)};
}

Ids hardmax(Call& c) {
  const TensorId x = c.in(0);
  const std::int32_t axis = c.int32("axis", c.opset() < 13 ? 1 : -1);
  const auto rank = c.rank(x);
  const bool last = axis == -1 || (rank && axis == static_cast<std::int64_t>(*rank) - 1);
  if (c.opset() >= 13 || last) return {same_rank(c, c.emit(Op::kHardmax, graph::AxisAttributes{axis}, {x}), x)};
  const TensorId flat = c.emit(Op::kFlatten, graph::AxisAttributes{axis}, {x});
  const TensorId best = c.emit(Op::kHardmax, graph::AxisAttributes{-1}, {flat});
  const TensorId shape = c.emit(Op::kShape, graph::ShapeAttributes{}, {x});
  return {same_rank(c, c.emit(Op::kReshape, graph::ReshapeAttributes{}, {best, shape}), x)};
}

constexpr std::array kRows = {
    OnnxOp{"BatchNormalization", 1, batch_norm},
    OnnxOp{"GroupNormalization", 18, group_norm},
    OnnxOp{"Hardmax", 1, hardmax},
    OnnxOp{"InstanceNormalization", 1, instance_norm},
    OnnxOp{"LRN", 1, lrn},
    OnnxOp{"LayerNormalization", 17, layer_norm},
    OnnxOp{"LogSoftmax", 1, softmax, Op::kLogSoftmax},
    OnnxOp{"LpNormalization", 1, lp_norm},
    OnnxOp{"MeanVarianceNormalization", 9, mean_variance_norm},
    OnnxOp{"RMSNormalization", 23, rms_norm},
    OnnxOp{"Softmax", 1, softmax, Op::kSoftmax},
};

}  // namespace

std::span<const OnnxOp> norm_ops() {
  return kRows;
}

}  // namespace lichen::formats
