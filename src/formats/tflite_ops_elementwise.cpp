// SPDX-License-Identifier: Apache-2.0
// Ops on one, two or three tensors element by element, and conversions of types.
#include <array>

#include <fmt/format.h>

#include "formats/tflite_incoming.hpp"
#include "formats/tflite_outgoing.hpp"
#include "tensor/half.hpp"

namespace lichen::formats {
namespace {

using graph::Attributes;
using graph::Op;
using graph::TensorId;
using tensor::DType;

constexpr auto kUnary = fixed_attributes<graph::UnaryAttributes>;
constexpr auto kBinary = fixed_attributes<graph::ElementwiseAttributes>;
constexpr auto kPlain = fixed_attributes<graph::NoAttributes>;

// Tables that hold an activation, and perhaps how 16-bit scales are meant.
template <typename T>
Result<Attributes> read_fused(const tflite::Operator& from) {
  graph::ElementwiseAttributes to;
  const T* options = from.builtin_options_as<T>();
  if (options == nullptr) return to;
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  if constexpr (requires { options->pot_scale_int16(); }) to.power_of_two_scales = options->pot_scale_int16();
  return to;
}

template <typename T>
void write_fused(const Attributes& attributes, TfliteOptions& to) {
  typename T::NativeTableType table;
  const auto& a = std::get<graph::ElementwiseAttributes>(attributes);
  table.fused_activation_function = write_activation(a.activation);
  if constexpr (requires { table.pot_scale_int16; }) table.pot_scale_int16 = a.power_of_two_scales;
  to.Set(std::move(table));
}

Result<Attributes> read_leaky_relu(const tflite::Operator& from) {
  return graph::UnaryAttributes{LICHEN_TRY(options_of<tflite::LeakyReluOptions>(from))->alpha()};
}
void write_leaky_relu(const Attributes& attributes, TfliteOptions& to) {
  tflite::LeakyReluOptionsT table;
  table.alpha = std::get<graph::UnaryAttributes>(attributes).alpha;
  to.Set(table);
}

Result<Attributes> read_gelu(const tflite::Operator& from) {
  const auto* options = from.builtin_options_as_GeluOptions();
  return graph::UnaryAttributes{options != nullptr && options->approximate() ? 1.0F : 0.0F};
}
void write_gelu(const Attributes& attributes, TfliteOptions& to) {
  tflite::GeluOptionsT table;
  table.approximate = std::get<graph::UnaryAttributes>(attributes).alpha != 0.0F;
  to.Set(table);
}

Result<Attributes> read_elu(const tflite::Operator&) {
  return graph::UnaryAttributes{1.0F};
}

// alpha * (exp(x) - 1) below 0; TFLite knows alpha 1 alone: max(x, 0) + alpha * elu(min(x, 0)).
Result<void> write_elu(Outgoing& out) {
  const float alpha = out.node().attributes<graph::UnaryAttributes>().alpha;
  if (alpha == 1.0F) {
    out.emit_row({out.input(0)}, {out.output()});
    return {};
  }
  constexpr std::int32_t kElu = 111;
  constexpr std::int32_t kRelu = 19;
  const TensorId below = out.apply(57, {out.input(0), out.constant(0.0F)});
  const TensorId scaled = out.apply(18, {out.apply(kElu, {below}), out.constant(alpha)});
  out.apply_to(0, {out.apply(kRelu, {out.input(0)}), scaled}, out.output());
  return {};
}

// CAST says its types in its options too, and old files leave those out: the output tensor decides.
Result<void> read_cast(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  in.add(Op::kCast, graph::CastAttributes{in.tensor(in.outputs[0]).spec.dtype}, in.inputs, in.outputs);
  return {};
}

Result<void> write_cast(Outgoing& out) {
  tflite::CastOptionsT table;
  table.in_data_type = write_type(out.node().input(0).spec.dtype);
  table.out_data_type = write_type(out.node().attributes<graph::CastAttributes>().to);
  out.emit_row({out.input(0)}, {out.output()}, options_with(table));
  return {};
}

// Weights kept in f16 become f32 here, once: layers need them as constants.
Result<void> read_dequantize(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  const graph::Tensor& from = in.tensor(in.inputs[0]);
  graph::Tensor& to = in.graph().tensor(in.outputs[0]);
  if (from.spec.dtype != DType::kF16) {
    in.add(Op::kDequantize, graph::NoAttributes{}, in.inputs, in.outputs);
    return {};
  }
  if (!from.constant || to.constant || to.spec.dtype != DType::kF32) {
    in.add(Op::kCast, graph::CastAttributes{DType::kF32}, in.inputs, in.outputs);
    return {};
  }
  std::vector<float> values;
  for (const std::uint16_t half : from.constant->as<std::uint16_t>()) values.push_back(tensor::float_of_half(half));
  to.spec.shape = from.spec.shape;
  to.quantization = {};
  to.constant = tensor::Data::copy_of(std::span<const float>(values));
  return {};
}
void write_dequantize(const Attributes&, TfliteOptions& to) {
  to.Set(tflite::DequantizeOptionsT{});
}
void write_quantize(const Attributes&, TfliteOptions& to) {
  to.Set(tflite::QuantizeOptionsT{});
}

// x clamped to the range that [min, max] becomes once 0 lies on its grid, and rounded to that grid.
Result<void> read_fake_quant(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  const auto* options = LICHEN_TRY(options_of<tflite::FakeQuantOptions>(in.from()));
  constexpr int kBitsMax = 16;
  if (options->num_bits() < 2 || options->num_bits() > kBitsMax)
    return bad_options(fmt::format("{} bits", options->num_bits()));
  const auto lowest = static_cast<float>(options->narrow_range() ? 1 : 0);
  const auto highest = static_cast<float>((1 << options->num_bits()) - 1);
  const float scale = (options->max() - options->min()) / (highest - lowest);
  if (!std::isfinite(scale) || scale <= 0.0F)
    return bad_options(fmt::format("a range from {} to {}", options->min(), options->max()));
  const float zero_point = std::round(std::min(std::max(lowest - options->min() / scale, lowest), highest));
  const float low = (lowest - zero_point) * scale;
  const float high = (highest - zero_point) * scale;
  TensorId at = in.inputs[0];
  const auto step = [&](Op op, std::vector<TensorId> others, Attributes attributes) {
    std::vector<TensorId> inputs = {at};
    inputs.insert(inputs.end(), others.begin(), others.end());
    at = in.temporary(in.inputs[0]);
    in.add(op, std::move(attributes), std::move(inputs), {at});
  };
  const graph::ElementwiseAttributes none;
  step(Op::kClip, {in.constant(low), in.constant(high)}, graph::NoAttributes{});
  step(Op::kSub, {in.constant(low)}, none);
  step(Op::kMul, {in.constant(1.0F / scale)}, none);
  step(Op::kAdd, {in.constant(0.5F)}, none);
  step(Op::kFloor, {}, graph::UnaryAttributes{});
  step(Op::kMul, {in.constant(scale)}, none);
  in.add(Op::kAdd, none, {at, in.constant(low)}, in.outputs);
  return {};
}

// TFLite's ATAN2 does not broadcast.
Result<void> write_atan2(Outgoing& out) {
  constexpr std::int32_t kBroadcastTo = 130;
  const tensor::Shape shape = LICHEN_TRY(out.output_shape());
  std::vector<TensorId> inputs;
  for (const std::size_t i : {0U, 1U}) {
    inputs.push_back(out.input(i));
    if (out.node().input(i).spec.shape == shape) continue;
    inputs.back() = out.temporary(DType::kF32, shape);
    const TensorId dims = out.constant(std::vector(shape.dims().begin(), shape.dims().end()));
    out.emit(kBroadcastTo, {out.input(i), dims}, {inputs.back()}, {}, 2, 2);
  }
  out.emit_row(std::move(inputs), {out.output()});
  return {};
}

// A chain of sums.
Result<void> read_add_n(Incoming& in) {
  constexpr std::size_t kTermsMax = 1024;
  LICHEN_TRY(in.expect(1, kTermsMax, 1, 1, kTermsMax));
  TensorId sum = in.inputs[0];
  if (in.inputs.size() == 1) in.add(Op::kIdentity, graph::NoAttributes{}, {sum}, in.outputs);
  for (std::size_t i = 1; i < in.inputs.size(); ++i) {
    const TensorId next = i + 1 == in.inputs.size() ? in.outputs[0] : in.temporary(in.outputs[0]);
    in.add(Op::kAdd, graph::ElementwiseAttributes{}, {sum, in.inputs[i]}, {next});
    sum = next;
  }
  return {};
}

// SELECT's condition may be a list that picks whole rows.
Result<void> read_select(Incoming& in) {
  LICHEN_TRY(in.expect(3, 1));
  const tensor::Shape& condition = in.tensor(in.inputs[0]).spec.shape;
  const tensor::Shape& x = in.tensor(in.inputs[1]).spec.shape;
  std::vector<TensorId> inputs = in.inputs;
  if (condition.known() && x.known() && condition.rank() == 1 && x.rank() > 1) {
    graph::ReshapeAttributes rows;
    rows.shape.assign(x.rank(), 1);
    rows.shape[0] = -1;
    inputs[0] = in.temporary(in.inputs[0]);
    in.add(Op::kReshape, std::move(rows), {in.inputs[0]}, {inputs[0]});
  }
  in.add(Op::kWhere, graph::NoAttributes{}, std::move(inputs), in.outputs);
  return {};
}

constexpr std::array kRows = {
    TfliteOp{0, Op::kAdd, 1, 2, read_fused<tflite::AddOptions>, nullptr, write_fused<tflite::AddOptions>},
    TfliteOp{18, Op::kMul, 1, 2, read_fused<tflite::MulOptions>, nullptr, write_fused<tflite::MulOptions>},
    TfliteOp{41, Op::kSub, 1, 2, read_fused<tflite::SubOptions>, nullptr, write_fused<tflite::SubOptions>},
    TfliteOp{42, Op::kDiv, 1, 2, read_fused<tflite::DivOptions>, nullptr, write_fused<tflite::DivOptions>},
    TfliteOp{156, Op::kAtan2, 1, 1, kBinary, nullptr, nullptr, write_atan2},
    TfliteOp{160, Op::kBitwiseXor, 1, 1, kBinary, nullptr, no_options},
    TfliteOp{71, Op::kEqual, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{90, Op::kFloorDiv, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{95, Op::kFloorMod, 1, 1, kBinary, nullptr, no_options},
    TfliteOp{61, Op::kGreater, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{62, Op::kGreaterEqual, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{58, Op::kLess, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{63, Op::kLessEqual, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{86, Op::kLogicalAnd, 1, 1, kBinary, nullptr, no_options},
    TfliteOp{84, Op::kLogicalOr, 1, 1, kBinary, nullptr, no_options},
    TfliteOp{55, Op::kMaximum, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{57, Op::kMinimum, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{72, Op::kNotEqual, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{78, Op::kPow, 1, 1, kBinary, nullptr, no_options},
    TfliteOp{161, Op::kShiftRight, 1, 1, kBinary, nullptr, no_options},
    TfliteOp{99, Op::kSquaredDifference, 1, 2, kBinary, nullptr, no_options},
    TfliteOp{101, Op::kAbs, 1, 2, kUnary, nullptr, no_options},
    TfliteOp{104, Op::kCeil, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{108, Op::kCos, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{111, Op::kElu, 1, 2, read_elu, nullptr, nullptr, write_elu},
    TfliteOp{47, Op::kExp, 1, 2, kUnary, nullptr, no_options},
    TfliteOp{8, Op::kFloor, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{150, Op::kGelu, 1, 2, read_gelu, nullptr, write_gelu},
    TfliteOp{117, Op::kHardSwish, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{98, Op::kLeakyRelu, 1, 2, read_leaky_relu, nullptr, write_leaky_relu},
    TfliteOp{73, Op::kLog, 1, 2, kUnary, nullptr, no_options},
    TfliteOp{87, Op::kLogicalNot, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{14, Op::kLogistic, 1, 2, kUnary, nullptr, no_options},
    TfliteOp{59, Op::kNeg, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{19, Op::kRelu, 1, 2, kUnary, nullptr, no_options},
    TfliteOp{152, Op::kRelu0To1, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{21, Op::kRelu6, 1, 2, kUnary, nullptr, no_options},
    TfliteOp{20, Op::kReluN1To1, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{116, Op::kRound, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{76, Op::kRsqrt, 1, 2, kUnary, nullptr, no_options},
    TfliteOp{158, Op::kSign, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{66, Op::kSin, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{75, Op::kSqrt, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{92, Op::kSquare, 1, 1, kUnary, nullptr, no_options},
    TfliteOp{28, Op::kTanh, 1, 2, kUnary, nullptr, no_options},
    TfliteOp{54, Op::kPRelu, 1, 1, kPlain, nullptr, no_options},
    TfliteOp{123, Op::kWhere, 1, 1, kPlain, nullptr, no_options},
    TfliteOp{64, Op::kWhere, 1, 2, nullptr, read_select},
    TfliteOp{53, Op::kCast, 1, 1, nullptr, read_cast, nullptr, write_cast},
    TfliteOp{114, Op::kQuantize, 1, 2, kPlain, nullptr, write_quantize},
    TfliteOp{6, Op::kDequantize, 1, 2, nullptr, read_dequantize, write_dequantize},
    TfliteOp{80, Op::kCount, 1, 1, nullptr, read_fake_quant},
    TfliteOp{106, Op::kCount, 1, 1, nullptr, read_add_n},
};

}  // namespace

std::span<const TfliteOp> tflite_elementwise_rows() {
  return kRows;
}

}  // namespace lichen::formats
