// SPDX-License-Identifier: Apache-2.0
// Ops that TFLite lacks, written as several of its operators. Formulas: graph/ops/op.hpp.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "formats/tflite_outgoing.hpp"

namespace lichen::formats {
namespace {

using graph::Op;
using graph::TensorId;
using tensor::DType;
using tensor::Shape;

// Numbers of the operators that formulas are made of.
enum Number : std::int32_t {
  kAdd = 0,
  kMul = 18,
  kRelu = 19,
  kReluN1To1 = 20,
  kRelu6 = 21,
  kTanh = 28,
  kMean = 40,
  kSub = 41,
  kDiv = 42,
  kExp = 47,
  kMaximum = 55,
  kMinimum = 57,
  kLog = 73,
  kSum = 74,
  kSqrt = 75,
  kRsqrt = 76,
  kSquaredDifference = 99,
  kAbs = 101,
  kElu = 111,
  kRelu0To1 = 152,
};

// Arithmetic on tensors, one operator each.
class Formula {
 public:
  explicit Formula(Outgoing& out) : out_(out), x_(out.input(0)) {}

  [[nodiscard]] TensorId x() const { return x_; }
  TensorId number(float value) { return out_.constant(value); }
  TensorId operator()(std::int32_t code, TensorId a) { return out_.apply(code, {a}); }
  TensorId operator()(std::int32_t code, TensorId a, TensorId b) { return out_.apply(code, {a, b}); }
  TensorId operator()(std::int32_t code, TensorId a, float b) { return out_.apply(code, {a, number(b)}); }
  Result<void> give(std::int32_t code, std::vector<TensorId> inputs) {
    out_.apply_to(code, std::move(inputs), out_.output());
    return {};
  }
  Result<void> give(std::int32_t code, TensorId a, float b) { return give(code, {a, number(b)}); }

 private:
  Outgoing& out_;
  TensorId x_;
};

Result<void> require_float(const Outgoing& out) {
  if (out.node().input(0).spec.dtype == DType::kF32) return {};
  return out.cannot(fmt::format("an op of its own is needed for {}", name_of(out.node().input(0).spec.dtype)));
}

using Compose = Result<void> (*)(Formula&, const graph::UnaryAttributes&);
template <Compose compose>
Result<void> write_unary(Outgoing& out) {
  LICHEN_TRY(require_float(out));
  Formula formula(out);
  return compose(formula, out.node().attributes<graph::UnaryAttributes>());
}

Result<void> reciprocal(Formula& f, const graph::UnaryAttributes&) {
  return f.give(kDiv, {f.number(1.0F), f.x()});
}
Result<void> hard_sigmoid(Formula& f, const graph::UnaryAttributes& a) {
  const TensorId line = f(kAdd, f(kMul, f.x(), a.alpha), a.beta);
  return f.give(kMinimum, f(kMaximum, line, 0.0F), 1.0F);
}
// max(x, 0) + log(1 + exp(-|x|)), which overflows nowhere.
TensorId softplus_of(Formula& f) {
  const TensorId small = f(kExp, f(kMul, f(kAbs, f.x()), -1.0F));
  return f(kAdd, f(kRelu, f.x()), f(kLog, f(kAdd, small, 1.0F)));
}
Result<void> softplus(Formula& f, const graph::UnaryAttributes&) {
  return f.give(kAdd, softplus_of(f), 0.0F);
}
Result<void> mish(Formula& f, const graph::UnaryAttributes&) {
  return f.give(kMul, {f.x(), f(kTanh, softplus_of(f))});
}
Result<void> softsign(Formula& f, const graph::UnaryAttributes&) {
  return f.give(kDiv, {f.x(), f(kAdd, f(kAbs, f.x()), 1.0F)});
}
Result<void> selu(Formula& f, const graph::UnaryAttributes& a) {
  const TensorId below = f(kMul, f(kElu, f(kMinimum, f.x(), 0.0F)), a.alpha);
  return f.give(kMul, f(kAdd, f(kRelu, f.x()), below), a.beta);
}
Result<void> celu(Formula& f, const graph::UnaryAttributes& a) {
  const TensorId below = f(kElu, f(kMul, f(kMinimum, f.x(), 0.0F), 1.0F / a.alpha));
  return f.give(kAdd, {f(kRelu, f.x()), f(kMul, below, a.alpha)});
}
// Constants become the activation that they are, or MAXIMUM and MINIMUM.
Result<void> write_clip(Outgoing& out) {
  LICHEN_TRY(require_float(out));
  Formula f(out);
  float low = -INFINITY;
  float high = INFINITY;
  if (out.node().has_input(1)) low = LICHEN_TRY(out.floats(1, "limits")).at(0);
  if (out.node().has_input(2)) high = LICHEN_TRY(out.floats(2, "limits")).at(0);
  if (low == 0.0F && high == 6.0F) return f.give(kRelu6, {f.x()});
  if (low == 0.0F && high == 1.0F) return f.give(kRelu0To1, {f.x()});
  if (low == -1.0F && high == 1.0F) return f.give(kReluN1To1, {f.x()});
  if (low == 0.0F && high == INFINITY) return f.give(kRelu, {f.x()});
  return f.give(kMinimum, f(kMaximum, f.x(), std::max(low, -3.4028235e38F)), std::min(high, 3.4028235e38F));
}

// Dimensions of a vector of channels along `axis` of a tensor of that rank.
Shape along(std::size_t axis, std::size_t rank, std::int64_t channels) {
  std::vector<std::int64_t> dims(rank, 1);
  dims[axis] = channels;
  return Shape(dims);
}

Result<std::size_t> axis_in(const Outgoing& out, std::int32_t axis, std::size_t rank) {
  const std::int32_t at = axis < 0 ? axis + static_cast<std::int32_t>(rank) : axis;
  if (at < 0 || at >= static_cast<std::int32_t>(rank)) return out.cannot(fmt::format("axis {}", axis));
  return static_cast<std::size_t>(at);
}

// x * (scale / sqrt(variance + epsilon)) + (bias - mean * that).
Result<void> write_batch_norm(Outgoing& out) {
  LICHEN_TRY(require_float(out));
  const auto& a = out.node().attributes<graph::NormAttributes>();
  const std::size_t rank = LICHEN_TRY(out.output_shape()).rank();
  const std::size_t axis = LICHEN_TRY(axis_in(out, a.axis, rank));
  auto scale = LICHEN_TRY(out.floats(1, "a scale"));
  auto bias = LICHEN_TRY(out.floats(2, "a bias"));
  const auto mean = LICHEN_TRY(out.floats(3, "a mean"));
  const auto variance = LICHEN_TRY(out.floats(4, "a variance"));
  for (std::size_t i = 0; i < scale.size(); ++i) {
    scale[i] /= std::sqrt(variance[i] + a.epsilon);
    bias[i] -= mean[i] * scale[i];
  }
  const Shape shape = along(axis, rank, static_cast<std::int64_t>(scale.size()));
  const TensorId scaled = out.apply(kMul, {out.input(0), out.constant(shape, std::span<const float>(scale))});
  out.apply_to(kAdd, {scaled, out.constant(shape, std::span<const float>(bias))}, out.output());
  return {};
}

// A mean over axes which stay as 1.
TensorId mean_over(Outgoing& out, TensorId x, std::span<const std::int64_t> axes) {
  std::vector<std::int64_t> dims(out.tensor(x).spec.shape.dims().begin(), out.tensor(x).spec.shape.dims().end());
  for (const std::int64_t axis : axes) dims[static_cast<std::size_t>(axis)] = 1;
  tflite::ReducerOptionsT keep;
  keep.keep_dims = true;
  const TensorId to = out.temporary(DType::kF32, Shape(dims));
  out.emit(kMean, {x, out.constant(axes)}, {to}, options_with(keep));
  return to;
}

TensorId with_shape_of(Outgoing& out, std::int32_t code, TensorId big, TensorId small) {
  const TensorId to = out.temporary(big);
  out.apply_to(code, {big, small}, to);
  return to;
}

// (x - mean) / sqrt(mean of squares + epsilon), over axes.
TensorId normalized(Outgoing& out, TensorId x, std::span<const std::int64_t> axes, float epsilon) {
  const TensorId mean = mean_over(out, x, axes);
  const TensorId squares = with_shape_of(out, kSquaredDifference, x, mean);
  const TensorId deviation =
      out.apply(kRsqrt, {out.apply(kAdd, {mean_over(out, squares, axes), out.constant(epsilon)})});
  return with_shape_of(out, kMul, with_shape_of(out, kSub, x, mean), deviation);
}

TensorId reshaped(Outgoing& out, TensorId from, const Shape& shape) {
  const TensorId to = out.temporary(out.tensor(from).spec.dtype, shape);
  out.reshape(from, to, shape);
  return to;
}

Result<void> write_layer_norm(Outgoing& out) {
  LICHEN_TRY(require_float(out));
  const auto& a = out.node().attributes<graph::NormAttributes>();
  if (out.output(1) != graph::kNoTensor || out.output(2) != graph::kNoTensor)
    return out.cannot("its mean and deviation as outputs");
  const std::size_t rank = LICHEN_TRY(out.output_shape()).rank();
  std::vector<std::int64_t> axes;
  for (std::size_t i = LICHEN_TRY(axis_in(out, a.axis, rank)); i < rank; ++i)
    axes.push_back(static_cast<std::int64_t>(i));
  const TensorId even = normalized(out, out.input(0), axes, a.epsilon);
  if (!out.node().has_input(2)) {
    out.apply_to(kMul, {even, out.input(1)}, out.output());
    return {};
  }
  out.apply_to(kAdd, {with_shape_of(out, kMul, even, out.input(1)), out.input(2)}, out.output());
  return {};
}

Result<void> write_rms_norm(Outgoing& out) {
  LICHEN_TRY(require_float(out));
  const auto& a = out.node().attributes<graph::NormAttributes>();
  const std::size_t rank = LICHEN_TRY(out.output_shape()).rank();
  std::vector<std::int64_t> axes;
  for (std::size_t i = LICHEN_TRY(axis_in(out, a.axis, rank)); i < rank; ++i)
    axes.push_back(static_cast<std::int64_t>(i));
  const TensorId squares = out.apply(kMul, {out.input(0), out.input(0)});
  const TensorId inverse =
      out.apply(kRsqrt, {out.apply(kAdd, {mean_over(out, squares, axes), out.constant(a.epsilon)})});
  out.apply_to(kMul, {with_shape_of(out, kMul, out.input(0), inverse), out.input(1)}, out.output());
  return {};
}

// Over all axes but the batch and the channels.
Result<void> write_instance_norm(Outgoing& out) {
  LICHEN_TRY(require_float(out));
  const auto& a = out.node().attributes<graph::NormAttributes>();
  const Shape shape = LICHEN_TRY(out.output_shape());
  const std::size_t channels = LICHEN_TRY(axis_in(out, a.axis, shape.rank()));
  std::vector<std::int64_t> axes;
  for (std::size_t i = 1; i < shape.rank(); ++i) {
    if (i != channels) axes.push_back(static_cast<std::int64_t>(i));
  }
  const Shape vector = along(channels, shape.rank(), shape[channels]);
  const TensorId even = normalized(out, out.input(0), axes, a.epsilon);
  const TensorId scaled = with_shape_of(out, kMul, even, reshaped(out, out.input(1), vector));
  out.apply_to(kAdd, {scaled, reshaped(out, out.input(2), vector)}, out.output());
  return {};
}

// Squares or magnitudes, then a sum, then their root or logarithm.
Result<void> write_norm_reduction(Outgoing& out) {
  LICHEN_TRY(require_float(out));
  const Op op = out.node().node().op;
  const auto& a = out.node().attributes<graph::ReduceAttributes>();
  TensorId x = out.input(0);
  if (op == Op::kReduceL1) x = out.apply(kAbs, {x});
  if (op == Op::kReduceL2 || op == Op::kReduceSumSquare) x = out.apply(kMul, {x, x});
  const bool all = !out.node().has_input(1) || out.node().input(1).spec.shape == Shape{0};
  if (all && a.no_axes_is_identity) return out.cannot("a reduction of nothing");
  std::vector<std::int64_t> axes(out.tensor(x).spec.shape.rank());
  std::iota(axes.begin(), axes.end(), 0);
  if (!all) axes = LICHEN_TRY(out.integers(1, "axes"));
  tflite::ReducerOptionsT table;
  table.keep_dims = a.keep_dims;
  const bool last = op == Op::kReduceL1 || op == Op::kReduceSumSquare;
  const TensorId sum = last ? out.output() : out.temporary(out.output());
  out.emit(kSum, {x, out.constant(axes)}, {sum}, options_with(table));
  if (!last) out.apply_to(op == Op::kReduceL2 ? kSqrt : kLog, {sum}, out.output());
  return {};
}

// Scales of their own as inputs become the tensors' quantization.
Result<tensor::Quantization> linear_quantization(Outgoing& out) {
  tensor::Quantization to;
  to.scales = LICHEN_TRY(out.floats(1, "scales"));
  to.zero_points.assign(to.scales.size(), 0);
  const auto& a = out.node().attributes<graph::QuantizeLinearAttributes>();
  if (a.block != 0) return out.cannot("scales of blocks");
  const std::size_t rank = LICHEN_TRY(out.output_shape()).rank();
  if (to.per_channel()) to.axis = LICHEN_TRY(axis_in(out, a.axis, rank));
  if (!out.node().has_input(2)) return to;
  const graph::Tensor& zero = out.node().input(2);
  if (!zero.constant) return out.cannot("zero points that are computed");
  for (std::size_t i = 0; i < to.scales.size(); ++i) {
    switch (zero.spec.dtype) {
      case DType::kI8:
        to.zero_points[i] = zero.constant->as<std::int8_t>()[i];
        break;
      case DType::kU8:
        to.zero_points[i] = zero.constant->as<std::uint8_t>()[i];
        break;
      case DType::kI32:
        to.zero_points[i] = zero.constant->as<std::int32_t>()[i];
        break;
      default:
        return out.cannot(fmt::format("zero points in {}", name_of(zero.spec.dtype)));
    }
  }
  return to;
}

Result<void> write_linear(Outgoing& out) {
  constexpr std::int32_t kQuantize = 114;
  constexpr std::int32_t kDequantize = 6;
  const bool quantizes = out.node().node().op == Op::kQuantizeLinear;
  const TensorId integers = quantizes ? out.output() : out.input(0);
  const tensor::Quantization wanted = LICHEN_TRY(linear_quantization(out));
  tensor::Quantization& has = out.to().tensors[static_cast<std::size_t>(integers)].quantization;
  if (!has.empty() && has != wanted) return out.cannot("two scales of one tensor");
  has = wanted;
  TfliteOptions options;
  if (quantizes) {
    options.Set(tflite::QuantizeOptionsT{});
  } else {
    options.Set(tflite::DequantizeOptionsT{});
  }
  out.emit(quantizes ? kQuantize : kDequantize, {out.input(0)}, {out.output()}, std::move(options), 1, 2);
  return {};
}

template <Compose compose>
constexpr TfliteOp unary(Op op) {
  return {kTfliteNone, op, 1, 1, nullptr, nullptr, nullptr, write_unary<compose>};
}
constexpr TfliteOp composed(Op op, Result<void> (*write)(Outgoing&)) {
  return {kTfliteNone, op, 1, 1, nullptr, nullptr, nullptr, write};
}

constexpr std::array kRows = {
    unary<reciprocal>(Op::kReciprocal),
    unary<hard_sigmoid>(Op::kHardSigmoid),
    unary<softplus>(Op::kSoftplus),
    unary<mish>(Op::kMish),
    unary<softsign>(Op::kSoftsign),
    unary<selu>(Op::kSelu),
    unary<celu>(Op::kCelu),
    composed(Op::kClip, write_clip),
    composed(Op::kBatchNorm, write_batch_norm),
    composed(Op::kLayerNorm, write_layer_norm),
    composed(Op::kRmsNorm, write_rms_norm),
    composed(Op::kInstanceNorm, write_instance_norm),
    composed(Op::kReduceL1, write_norm_reduction),
    composed(Op::kReduceL2, write_norm_reduction),
    composed(Op::kReduceSumSquare, write_norm_reduction),
    composed(Op::kReduceLogSum, write_norm_reduction),
    composed(Op::kQuantizeLinear, write_linear),
    composed(Op::kDequantizeLinear, write_linear),
};

}  // namespace

std::span<const TfliteOp> tflite_composed_rows() {
  return kRows;
}

}  // namespace lichen::formats
