// SPDX-License-Identifier: Apache-2.0
// Layers with weights, windows, normalizations, image resizing, and recurrent layers.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "formats/tflite_file.hpp"
#include "formats/tflite_ops_state.hpp"

namespace lichen::formats {
namespace {

using graph::Attributes;
using graph::kNoTensor;
using graph::Op;
using graph::Padding;
using graph::TensorId;
using tensor::DType;
using tensor::Shape;

constexpr std::int32_t kPad = 34;
constexpr std::int32_t kPadV2 = 60;
constexpr std::int32_t kSquare = 92;
constexpr std::int32_t kSqrt = 75;

// TFLite knows SAME and VALID; other padding becomes an operator of its own before the layer.
struct PaddedInput {
  TensorId input = kNoTensor;
  tflite::Padding padding = tflite::Padding_VALID;
};

tflite::Padding write_padding(Padding padding) {
  return padding == Padding::kSame ? tflite::Padding_SAME : tflite::Padding_VALID;
}

struct Window {
  std::int64_t filter, stride, dilation;
};

// Pads before and after one dimension.
std::array<std::int64_t, 2> pads_of(Padding padding, std::int64_t size, Window w, std::array<std::int64_t, 2> pads) {
  if (padding == Padding::kExplicit) return pads;
  if (padding == Padding::kValid) return {0, 0};
  const std::int64_t out = (size + w.stride - 1) / w.stride;
  const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * w.stride + (w.filter - 1) * w.dilation + 1 - size);
  const std::int64_t small = total / 2;
  if (padding == Padding::kSame) return {small, total - small};
  return {total - small, small};
}

// `fill`: kNoTensor for zeros.
Result<PaddedInput> padded(Outgoing& out, Padding padding, const graph::Pads2D& pads, Window h, Window w,
                           TensorId fill = kNoTensor) {
  const TensorId input = out.input(0);
  if (padding == Padding::kSame || padding == Padding::kValid) return PaddedInput{input, write_padding(padding)};
  const Shape shape = out.tensor(input).spec.shape;
  if (!shape.known()) return out.cannot("the shape of its input is not known");
  const auto rows = pads_of(padding, shape[1], h, {pads.top, pads.bottom});
  const auto columns = pads_of(padding, shape[2], w, {pads.left, pads.right});
  const auto same = [&](std::int64_t size, Window window, std::array<std::int64_t, 2> wanted) {
    const auto given = pads_of(Padding::kSame, size, window, {});
    const std::int64_t reach = (window.filter - 1) * window.dilation + 1;
    const std::int64_t strided = (size + window.stride - 1) / window.stride;
    return given == wanted && (size + wanted[0] + wanted[1] - reach) / window.stride + 1 == strided;
  };
  if (rows[0] + rows[1] + columns[0] + columns[1] == 0) return PaddedInput{input, tflite::Padding_VALID};
  if (same(shape[1], h, rows) && same(shape[2], w, columns)) return PaddedInput{input, tflite::Padding_SAME};
  const auto i32 = [](std::int64_t v) { return static_cast<std::int32_t>(v); };
  const std::array<std::int32_t, 8> list = {0, 0, i32(rows[0]), i32(rows[1]), i32(columns[0]), i32(columns[1]), 0, 0};
  const Shape bigger{shape[0], shape[1] + rows[0] + rows[1], shape[2] + columns[0] + columns[1], shape[3]};
  const TensorId wide = out.temporary(out.tensor(input).spec.dtype, bigger, out.tensor(input).quantization);
  std::vector<TensorId> inputs = {input, out.constant({4, 2}, list)};
  if (fill != kNoTensor) inputs.push_back(fill);
  out.emit(fill == kNoTensor ? kPad : kPadV2, std::move(inputs), {wide}, {}, 1, 2);
  return PaddedInput{wide, tflite::Padding_VALID};
}

// The inputs with the first one replaced.
std::vector<TensorId> with_input(const Outgoing& out, TensorId first) {
  std::vector<TensorId> inputs = out.node().node().inputs;
  inputs[0] = first;
  return inputs;
}

template <typename A, typename T>
Result<A> read_window(const T& options) {
  A to;
  to.padding = LICHEN_TRY(read_padding(options.padding()));
  to.stride_h = options.stride_h();
  to.stride_w = options.stride_w();
  to.activation = LICHEN_TRY(read_activation(options.fused_activation_function()));
  return to;
}
template <typename T, typename A>
T write_window(const A& a, tflite::Padding padding) {
  T table;
  table.padding = padding;
  table.stride_h = a.stride_h;
  table.stride_w = a.stride_w;
  table.fused_activation_function = write_activation(a.activation);
  return table;
}

Result<Attributes> read_conv2d(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::Conv2DOptions>(from));
  auto to = LICHEN_TRY(read_window<graph::Conv2DAttributes>(*options));
  to.dilation_h = options->dilation_h_factor();
  to.dilation_w = options->dilation_w_factor();
  return to;
}

// Filter height and width of weights [out, h, w, in].
Result<std::array<Window, 2>> windows_of(const Outgoing& out, const auto& a) {
  const Shape& weights = out.node().input(1).spec.shape;
  if (!weights.known()) return out.cannot("the shape of its weights is not known");
  return std::array<Window, 2>{{{weights[1], a.stride_h, a.dilation_h}, {weights[2], a.stride_w, a.dilation_w}}};
}

Result<void> write_conv2d(Outgoing& out) {
  const auto& a = out.node().attributes<graph::Conv2DAttributes>();
  const auto [h, w] = LICHEN_TRY(windows_of(out, a));
  const PaddedInput in = LICHEN_TRY(padded(out, a.padding, a.pads, h, w));
  auto table = write_window<tflite::Conv2DOptionsT>(a, in.padding);
  table.dilation_h_factor = a.dilation_h;
  table.dilation_w_factor = a.dilation_w;
  out.emit_row(with_input(out, in.input), {out.output()}, options_with(table));
  return {};
}

Result<Attributes> read_depthwise_conv2d(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::DepthwiseConv2DOptions>(from));
  auto to = LICHEN_TRY(read_window<graph::DepthwiseConv2DAttributes>(*options));
  to.dilation_h = options->dilation_h_factor();
  to.dilation_w = options->dilation_w_factor();
  to.depth_multiplier = options->depth_multiplier();
  return to;
}

Result<void> write_depthwise_conv2d(Outgoing& out) {
  const auto& a = out.node().attributes<graph::DepthwiseConv2DAttributes>();
  const auto [h, w] = LICHEN_TRY(windows_of(out, a));
  const PaddedInput in = LICHEN_TRY(padded(out, a.padding, a.pads, h, w));
  auto table = write_window<tflite::DepthwiseConv2DOptionsT>(a, in.padding);
  table.dilation_h_factor = a.dilation_h;
  table.dilation_w_factor = a.dilation_w;
  table.depth_multiplier = a.depth_multiplier;
  out.emit_row(with_input(out, in.input), {out.output()}, options_with(table));
  return {};
}

Result<Attributes> read_pool2d(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::Pool2DOptions>(from));
  auto to = LICHEN_TRY(read_window<graph::Pool2DAttributes>(*options));
  to.filter_h = options->filter_height();
  to.filter_w = options->filter_width();
  return to;
}

// Pooling after `in` was padded, where that is allowed. Partial windows of ONNX's ceil mode do not exist here.
Result<void> write_pool2d(Outgoing& out) {
  const auto& a = out.node().attributes<graph::Pool2DAttributes>();
  const bool max = out.node().node().op == Op::kMaxPool2D;
  if (out.output(1) != kNoTensor) return out.cannot("indices of the largest");
  if (a.dilation_h != 1 || a.dilation_w != 1) return out.cannot("a dilated window");
  const Shape& shape = out.node().input(0).spec.shape;
  const Shape wanted = LICHEN_TRY(out.output_shape());
  if (!shape.known()) return out.cannot("the shape of its input is not known");
  TensorId lowest = kNoTensor;
  if (max && a.padding == Padding::kExplicit && out.node().input(0).spec.dtype == DType::kF32)
    lowest = out.constant(-std::numeric_limits<float>::max());
  const PaddedInput in =
      LICHEN_TRY(padded(out, a.padding, a.pads, {a.filter_h, a.stride_h, 1}, {a.filter_w, a.stride_w, 1}, lowest));
  const bool padding_added = in.input != out.input(0);
  if (padding_added && !max && !a.counts_padding) return out.cannot("an average over part of a padded window");
  if (padding_added && max && lowest == kNoTensor) return out.cannot("padding of integers");
  if (!padding_added && a.counts_padding && in.padding == tflite::Padding_SAME && !max)
    return out.cannot("an average that counts padding");
  const Shape given = out.tensor(in.input).spec.shape;
  const std::int64_t rows = in.padding == tflite::Padding_SAME ? (given[1] + a.stride_h - 1) / a.stride_h
                                                               : (given[1] - a.filter_h) / a.stride_h + 1;
  if (rows != wanted[1]) return out.cannot("partial windows at the end");
  auto table = write_window<tflite::Pool2DOptionsT>(a, in.padding);
  table.filter_height = a.filter_h;
  table.filter_width = a.filter_w;
  out.emit_row({in.input}, {out.output()}, options_with(table));
  return {};
}

// The root of the mean of squares.
Result<void> read_l2_pool(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  const Attributes attributes = LICHEN_TRY(read_pool2d(in.from()));
  auto pool = std::get<graph::Pool2DAttributes>(attributes);
  const graph::Activation activation = std::exchange(pool.activation, graph::Activation::kNone);
  const TensorId squares = in.temporary(in.inputs[0]);
  const TensorId means = in.temporary(in.inputs[0]);
  const TensorId before = LICHEN_TRY(in.before_activation(activation));
  in.add(Op::kSquare, graph::UnaryAttributes{}, in.inputs, {squares});
  in.add(Op::kAveragePool2D, pool, {squares}, {means});
  in.add(Op::kSqrt, graph::UnaryAttributes{}, {means}, {before});
  in.activate(activation, before);
  return {};
}

Result<Attributes> read_fully_connected(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::FullyConnectedOptions>(from));
  if (options->weights_format() != tflite::WeightsFormat_DEFAULT)
    return bad_options("shuffled weights", Code::kUnsupported);
  graph::FullyConnectedAttributes to;
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  to.keep_dims = options->keep_num_dims();
  to.asymmetric_inputs = options->asymmetric_quantize_inputs();
  return to;
}
void write_fully_connected(const Attributes& attributes, TfliteOptions& to) {
  const auto& a = std::get<graph::FullyConnectedAttributes>(attributes);
  tflite::FullyConnectedOptionsT table;
  table.fused_activation_function = write_activation(a.activation);
  table.keep_num_dims = a.keep_dims;
  table.asymmetric_quantize_inputs = a.asymmetric_inputs;
  to.Set(table);
}

Result<Attributes> read_batch_matmul(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::BatchMatMulOptions>(from));
  return graph::MatMulAttributes{options->adj_x(), options->adj_y()};
}
Result<void> write_matmul(Outgoing& out) {
  const auto& a = out.node().attributes<graph::MatMulAttributes>();
  for (const std::size_t i : {0U, 1U}) {
    const Shape& shape = out.node().input(i).spec.shape;
    if (!shape.known() || shape.rank() < 2) return out.cannot("an operand of rank below 2");
  }
  tflite::BatchMatMulOptionsT table;
  table.adj_x = a.transpose_a;
  table.adj_y = a.transpose_b;
  out.emit_row({out.input(0), out.input(1)}, {out.output()}, options_with(table));
  return {};
}

// Weights [d, h, w, in, out] here, [out, d, h, w, in] in the graph: `rows` blocks of `columns` elements, turned.
std::optional<tensor::Data> turned(const tensor::Data& from, std::size_t rows, std::size_t columns, std::size_t size) {
  const ByteView bytes = from.bytes();
  if (bytes.size() != rows * columns * size) return std::nullopt;
  Bytes to(bytes.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c)
      std::memcpy(to.data() + (c * rows + r) * size, bytes.data() + (r * columns + c) * size, size);
  }
  return tensor::Data::own(std::move(to));
}

Result<void> read_conv3d(Incoming& in) {
  LICHEN_TRY(in.expect(2, 3, 1, 1, 2));
  const auto* options = LICHEN_TRY(options_of<tflite::Conv3DOptions>(in.from()));
  graph::Conv3DAttributes to;
  to.padding = LICHEN_TRY(read_padding(options->padding()));
  to.strides = {options->stride_d(), options->stride_h(), options->stride_w()};
  to.dilations = {options->dilation_d_factor(), options->dilation_h_factor(), options->dilation_w_factor()};
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  const graph::Tensor& weights = in.tensor(in.inputs[1]);
  if (!weights.constant) return bad_options("weights that are computed", Code::kUnsupported);
  if (weights.spec.shape.rank() != 5) return bad_options("weights need rank 5");
  const Shape& s = weights.spec.shape;
  const auto out_channels = static_cast<std::size_t>(s[4]);
  const std::size_t rows = out_channels == 0 ? 0 : static_cast<std::size_t>(s.elements()) / out_channels;
  graph::Tensor fitting{{weights.spec.name, weights.spec.dtype, Shape{s[4], s[0], s[1], s[2], s[3]}},
                        weights.quantization,
                        turned(*weights.constant, rows, out_channels, size_of(weights.spec.dtype))};
  fitting.quantization.axis = 0;
  std::vector<TensorId> inputs = in.inputs;
  inputs[1] = in.graph().add(std::move(fitting));
  in.add(Op::kConv3D, to, std::move(inputs), in.outputs);
  return {};
}

Result<void> write_conv3d(Outgoing& out) {
  const auto& a = out.node().attributes<graph::Conv3DAttributes>();
  const graph::Tensor& weights = out.node().input(1);
  const bool pads = std::ranges::any_of(a.pads_before, [](auto p) { return p != 0; }) ||
                    std::ranges::any_of(a.pads_after, [](auto p) { return p != 0; });
  if (a.padding == Padding::kSameLower || (a.padding == Padding::kExplicit && pads))
    return out.cannot("padding other than SAME and VALID");
  if (!weights.constant || weights.spec.shape.rank() != 5) return out.cannot("weights that are computed");
  const Shape& s = weights.spec.shape;
  const auto rows = static_cast<std::size_t>(s[0]);
  graph::Tensor fitting{{weights.spec.name, weights.spec.dtype, Shape{s[1], s[2], s[3], s[4], s[0]}}, {}, {}};
  fitting.constant =
      turned(*weights.constant, rows, static_cast<std::size_t>(s.elements()) / std::max<std::size_t>(rows, 1),
             size_of(weights.spec.dtype));
  tflite::Conv3DOptionsT table;
  table.padding = write_padding(a.padding);
  table.stride_d = a.strides[0], table.stride_h = a.strides[1], table.stride_w = a.strides[2];
  table.dilation_d_factor = a.dilations[0], table.dilation_h_factor = a.dilations[1];
  table.dilation_w_factor = a.dilations[2];
  table.fused_activation_function = write_activation(a.activation);
  std::vector<TensorId> inputs = out.node().node().inputs;
  inputs[1] = static_cast<TensorId>(out.to().tensors.size());
  out.to().tensors.push_back(std::move(fitting));
  out.emit_row(std::move(inputs), {out.output()}, options_with(table));
  return {};
}

// Output shape, weights, x, bias -> x, weights, bias, output shape.
Result<void> read_transpose_conv(Incoming& in) {
  LICHEN_TRY(in.expect(3, 4, 1, 1, 3));
  const auto* options = LICHEN_TRY(options_of<tflite::TransposeConvOptions>(in.from()));
  const auto to = LICHEN_TRY(read_window<graph::TransposeConvAttributes>(*options));
  const TensorId bias = in.inputs.size() > 3 ? in.inputs[3] : kNoTensor;
  in.add(Op::kTransposeConv2D, to, {in.inputs[2], in.inputs[1], bias, in.inputs[0]}, in.outputs);
  return {};
}

Result<void> write_transpose_conv(Outgoing& out) {
  const auto& a = out.node().attributes<graph::TransposeConvAttributes>();
  if (a.groups != 1 || a.dilation_h != 1 || a.dilation_w != 1) return out.cannot("groups or dilation");
  const Shape shape = LICHEN_TRY(out.output_shape());
  const Shape& in = out.node().input(0).spec.shape;
  const Shape& weights = out.node().input(1).spec.shape;
  if (!in.known() || !weights.known()) return out.cannot("the shape of its input is not known");
  tflite::Padding padding = write_padding(a.padding);
  if (a.padding == Padding::kExplicit || a.padding == Padding::kSameLower) {
    // VALID crops at the end alone; SAME crops what a convolution of the output's size would pad.
    const auto same = [](std::int64_t size, std::int64_t stride, std::int64_t filter, std::int64_t from) {
      return std::max<std::int64_t>(0, (from - 1) * stride + filter - size) / 2;
    };
    const bool is_same = same(shape[1], a.stride_h, weights[1], in[1]) == a.pads.top &&
                         same(shape[2], a.stride_w, weights[2], in[2]) == a.pads.left &&
                         (shape[1] + a.stride_h - 1) / a.stride_h == in[1] &&
                         (shape[2] + a.stride_w - 1) / a.stride_w == in[2];
    const bool is_valid = a.pads.top == 0 && a.pads.left == 0;
    if (!is_same && !is_valid) return out.cannot("cropping other than SAME and VALID");
    padding = is_valid ? tflite::Padding_VALID : tflite::Padding_SAME;
  }
  std::vector<TensorId> inputs = {out.list_of(3, shape.dims()), out.input(1), out.input(0)};
  if (out.node().has_input(2)) inputs.push_back(out.input(2));
  constexpr std::int32_t kVersionWithBias = 3;
  const std::int32_t version = inputs.size() > 3 ? kVersionWithBias : 1;
  const auto table = write_window<tflite::TransposeConvOptionsT>(a, padding);
  out.emit(67, std::move(inputs), {out.output()}, options_with(table), version, std::max(version, 2));
  return {};
}

Result<Attributes> read_softmax(const tflite::Operator& from) {
  return graph::SoftmaxAttributes{LICHEN_TRY(options_of<tflite::SoftmaxOptions>(from))->beta()};
}

// TFLite's softmax runs over the last axis: others are brought there and back.
Result<void> write_softmax(Outgoing& out) {
  const auto& a = out.node().attributes<graph::SoftmaxAttributes>();
  const Shape shape = LICHEN_TRY(out.output_shape());
  TfliteOptions options;
  if (out.node().node().op == Op::kSoftmax) {
    tflite::SoftmaxOptionsT table;
    table.beta = a.beta;
    options.Set(table);
  }
  const auto rank = static_cast<std::int32_t>(shape.rank());
  const std::int32_t axis = a.axis < 0 ? a.axis + rank : a.axis;
  if (axis + 1 >= rank) {
    out.emit_row({out.input(0)}, {out.output()}, std::move(options));
    return {};
  }
  const graph::Tensor from = out.tensor(out.input(0));
  const graph::Tensor to = out.tensor(out.output());
  std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
  if (a.flattens) {
    std::int64_t before = 1;
    for (std::int32_t i = 0; i < axis; ++i) before *= dims[static_cast<std::size_t>(i)];
    const Shape flat{before, before == 0 ? 0 : shape.elements() / before};
    const TensorId rows = out.temporary(from.spec.dtype, flat, from.quantization);
    const TensorId soft = out.temporary(to.spec.dtype, flat, to.quantization);
    out.reshape(out.input(0), rows, flat);
    out.emit_row({rows}, {soft}, std::move(options));
    out.reshape(soft, out.output(), shape);
    return {};
  }
  constexpr std::int32_t kTranspose = 39;
  std::vector<std::int32_t> swap(shape.rank());
  for (std::int32_t i = 0; i < rank; ++i) swap[static_cast<std::size_t>(i)] = i;
  std::swap(swap[static_cast<std::size_t>(axis)], swap.back());
  std::swap(dims[static_cast<std::size_t>(axis)], dims.back());
  const TensorId order = out.constant({rank}, swap);
  const TensorId turned_in = out.temporary(from.spec.dtype, Shape(dims), from.quantization);
  const TensorId turned_out = out.temporary(to.spec.dtype, Shape(dims), to.quantization);
  out.emit(kTranspose, {out.input(0), order}, {turned_in}, {}, 1, 2);
  out.emit_row({turned_in}, {turned_out}, std::move(options));
  out.emit(kTranspose, {turned_out, order}, {out.output()}, {}, 1, 2);
  return {};
}

constexpr float kL2Epsilon = 1e-6F;  // TFLite's kernel has it fixed

Result<void> read_l2_norm(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1));
  const auto* options = in.from().builtin_options_as_L2NormOptions();
  const graph::Activation activation =
      options == nullptr ? graph::Activation::kNone : LICHEN_TRY(read_activation(options->fused_activation_function()));
  const TensorId before = LICHEN_TRY(in.before_activation(activation));
  in.add(Op::kL2Norm, graph::NormAttributes{-1, kL2Epsilon}, in.inputs, {before});
  in.activate(activation, before);
  return {};
}
Result<void> write_l2_norm(Outgoing& out) {
  const auto& a = out.node().attributes<graph::NormAttributes>();
  const std::size_t rank = LICHEN_TRY(out.output_shape()).rank();
  if (a.axis != -1 && a.axis + 1 != static_cast<std::int32_t>(rank)) return out.cannot("an axis other than the last");
  out.emit_row({out.input(0)}, {out.output()}, options_with(tflite::L2NormOptionsT{}));
  return {};
}

Result<Attributes> read_lrn(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::LocalResponseNormalizationOptions>(from));
  if (options->radius() < 0 || options->radius() > (1 << 20))
    return bad_options(fmt::format("radius {}", options->radius()));
  return graph::LocalResponseNormAttributes{
      -1, options->radius(), options->radius(), options->alpha(), options->beta(), options->bias()};
}
Result<void> write_lrn(Outgoing& out) {
  const auto& a = out.node().attributes<graph::LocalResponseNormAttributes>();
  const std::size_t rank = LICHEN_TRY(out.output_shape()).rank();
  if (a.before != a.after || (a.axis != -1 && a.axis + 1 != static_cast<std::int32_t>(rank)))
    return out.cannot("a window that is not symmetric along the last axis");
  tflite::LocalResponseNormalizationOptionsT table;
  table.radius = a.before;
  table.alpha = a.alpha;
  table.beta = a.beta;
  table.bias = a.bias;
  out.emit_row({out.input(0)}, {out.output()}, options_with(table));
  return {};
}

graph::ResizeAttributes resize_of(bool align_corners, bool half_pixel) {
  graph::ResizeAttributes to;
  to.axes = {1, 2};
  to.like_tflite = true;
  to.coordinates = graph::Coordinates::kAsymmetric;
  if (half_pixel) to.coordinates = graph::Coordinates::kHalfPixel;
  if (align_corners) to.coordinates = graph::Coordinates::kAlignCorners;
  return to;
}

Result<Attributes> read_resize_bilinear(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::ResizeBilinearOptions>(from));
  if (options->align_corners() && options->half_pixel_centers())
    return bad_options("both align_corners and half_pixel_centers");
  graph::ResizeAttributes to = resize_of(options->align_corners(), options->half_pixel_centers());
  to.mode = graph::ResizeMode::kLinear;
  return to;
}

// round(x * scale), floor((x + 0.5) * scale) or floor(x * scale).
Result<Attributes> read_resize_nearest(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::ResizeNearestNeighborOptions>(from));
  graph::ResizeAttributes to = resize_of(options->align_corners(), options->half_pixel_centers());
  const bool rounds = options->align_corners() || options->half_pixel_centers();
  to.nearest = rounds ? graph::NearestMode::kRoundPreferCeil : graph::NearestMode::kFloor;
  return to;
}

Result<void> write_resize(Outgoing& out) {
  constexpr std::int32_t kNearest = 97;
  const auto& a = out.node().attributes<graph::ResizeAttributes>();
  const Shape shape = LICHEN_TRY(out.output_shape());
  const Shape& in = out.node().input(0).spec.shape;
  using graph::Coordinates;
  const bool half = a.coordinates == Coordinates::kHalfPixel || a.coordinates == Coordinates::kPytorchHalfPixel;
  const bool align = a.coordinates == Coordinates::kAlignCorners;
  if (!half && !align && a.coordinates != Coordinates::kAsymmetric) return out.cannot("its coordinates");
  if (shape.rank() != 4 || !in.known() || shape[0] != in[0] || shape[3] != in[3])
    return out.cannot("resizing of other than height and width");
  if (a.mode == graph::ResizeMode::kCubic || a.antialias) return out.cannot("cubic or antialiased resizing");
  const TensorId size = out.list_of(1, std::vector{shape[1], shape[2]});
  const std::int32_t version = half ? 3 : 1;
  if (a.mode == graph::ResizeMode::kLinear) {
    tflite::ResizeBilinearOptionsT table;
    table.align_corners = align;
    table.half_pixel_centers = half;
    out.emit(23, {out.input(0), size}, {out.output()}, options_with(table), version, std::max(version, 2));
    return {};
  }
  const bool floor = a.nearest == graph::NearestMode::kFloor;
  if (floor == (half || align)) return out.cannot("its rounding of coordinates");
  tflite::ResizeNearestNeighborOptionsT table;
  table.align_corners = align;
  table.half_pixel_centers = half;
  out.emit(kNearest, {out.input(0), size}, {out.output()}, options_with(table), version, std::max(version, 2));
  return {};
}

// x, feature weights, time weights, bias, state -> y, with the state as a variable.
Result<void> read_svdf(Incoming& in) {
  LICHEN_TRY(in.expect(5, 5, 1, 1, 3));
  const auto* options = LICHEN_TRY(options_of<tflite::SVDFOptions>(in.from()));
  if (in.inputs[4] == kNoTensor) return bad_options("no state");
  graph::SvdfAttributes to;
  to.rank = options->rank();
  to.asymmetric_inputs = options->asymmetric_quantize_inputs();
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  const State state = LICHEN_TRY(read_state(in, in.inputs[4]));
  const TensorId next = assign_state(in, state);
  std::vector<TensorId> inputs = in.inputs;
  inputs[4] = state.value;
  in.add(Op::kSvdf, to, std::move(inputs), {in.outputs[0], next});
  in.add(Op::kAssignVariable, graph::VariableAttributes{state.variable}, {next}, {});
  return {};
}
Result<void> write_svdf(Outgoing& out) {
  const auto& a = out.node().attributes<graph::SvdfAttributes>();
  tflite::SVDFOptionsT table;
  table.rank = a.rank;
  table.asymmetric_quantize_inputs = a.asymmetric_inputs;
  table.fused_activation_function = write_activation(a.activation);
  if (!out.to().state_tensors.contains(out.input(4))) return out.cannot("a state that is not one variable's");
  out.emit_row(out.node().node().inputs, {out.output()}, options_with(table));
  return {};
}

constexpr std::size_t kLstmInputs = 24;
constexpr std::size_t kLstmInputsShort = 20;  // without layer normalization
constexpr std::size_t kOutputState = 18;
constexpr std::size_t kCellState = 19;

// Tensors without values, whose scales say how an integer LSTM computes: four gates, then the hidden state.
Result<void> read_intermediates(Incoming& in, graph::SequenceLstmAttributes& to) {
  constexpr std::size_t kGates = 4;
  const auto* ids = in.from().intermediates();
  if (ids == nullptr || in.tensor(in.inputs[0]).spec.dtype == DType::kF32) return {};
  for (flatbuffers::uoffset_t i = 0; i < std::min<std::size_t>(ids->size(), kGates + 1); ++i) {
    const std::int32_t id = ids->Get(i);
    if (id == kNoTensor) continue;
    if (id < 0 || static_cast<std::size_t>(id) >= in.graph().tensors.size())
      return bad_options(fmt::format("intermediate {} is tensor {} of {}", i, id, in.graph().tensors.size()));
    const tensor::Quantization& q = in.tensor(id).quantization;
    if (q.empty()) continue;
    if (i < kGates) {
      to.gate_scales[i] = q.scale();
    } else {
      to.hidden_scale = q.scale();
      to.hidden_zero_point = q.zero_point();
    }
  }
  return {};
}

Result<void> read_sequence_lstm(Incoming& in) {
  LICHEN_TRY(in.expect(kLstmInputsShort, kLstmInputs, 1, 1, 1));
  const auto* options = LICHEN_TRY(options_of<tflite::UnidirectionalSequenceLSTMOptions>(in.from()));
  if (options->diagonal_recurrent_tensors()) return bad_options("diagonal recurrent weights", Code::kUnsupported);
  graph::SequenceLstmAttributes to;
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  to.cell_clip = options->cell_clip();
  to.projection_clip = options->proj_clip();
  to.time_major = options->time_major();
  to.asymmetric_inputs = options->asymmetric_quantize_inputs();
  LICHEN_TRY(read_intermediates(in, to));
  std::vector<TensorId> inputs = in.inputs;
  inputs.resize(kLstmInputs, kNoTensor);
  if (inputs[kOutputState] == kNoTensor || inputs[kCellState] == kNoTensor) return bad_options("no state");
  const State output = LICHEN_TRY(read_state(in, inputs[kOutputState]));
  const State cell = LICHEN_TRY(read_state(in, inputs[kCellState]));
  inputs[kOutputState] = output.value;
  inputs[kCellState] = cell.value;
  const TensorId next_output = assign_state(in, output);
  const TensorId next_cell = assign_state(in, cell);
  in.add(Op::kSequenceLstm, to, std::move(inputs), {in.outputs[0], next_output, next_cell});
  in.add(Op::kAssignVariable, graph::VariableAttributes{output.variable}, {next_output}, {});
  in.add(Op::kAssignVariable, graph::VariableAttributes{cell.variable}, {next_cell}, {});
  return {};
}

// What read_intermediates reads.
std::vector<TensorId> write_intermediates(Outgoing& out, const graph::SequenceLstmAttributes& a) {
  std::vector<TensorId> ids;
  for (const float scale : a.gate_scales) {
    const auto quantization = scale > 0.0F ? tensor::per_tensor(scale, 0) : tensor::Quantization{};
    ids.push_back(out.temporary(DType::kI16, {1}, quantization));
  }
  ids.push_back(out.temporary(DType::kI8, {1}, tensor::per_tensor(a.hidden_scale, a.hidden_zero_point)));
  return ids;
}

Result<void> write_sequence_lstm(Outgoing& out) {
  const auto& a = out.node().attributes<graph::SequenceLstmAttributes>();
  tflite::UnidirectionalSequenceLSTMOptionsT table;
  table.fused_activation_function = write_activation(a.activation);
  table.cell_clip = a.cell_clip;
  table.proj_clip = a.projection_clip;
  table.time_major = a.time_major;
  table.asymmetric_quantize_inputs = a.asymmetric_inputs;
  const bool integer = out.node().input(0).spec.dtype != DType::kF32;
  if (integer && !(a.hidden_scale > 0.0F)) return out.cannot("LSTM of integers without a scale of its hidden state");
  for (const std::size_t i : {kOutputState, kCellState}) {
    if (!out.to().state_tensors.contains(out.input(i))) return out.cannot("a state that is not one variable's");
  }
  std::vector<TensorId> intermediates;
  if (integer) intermediates = write_intermediates(out, a);
  out.emit_row(out.node().node().inputs, {out.output()}, options_with(table));
  out.to().operators.back().intermediates = std::move(intermediates);
  return {};
}

// The root of the mean of squares over a window, or of the sum: ONNX's LpPool is the sum.
Result<void> write_lp_pool(Outgoing& out) {
  const auto& a = out.node().attributes<graph::Pool2DAttributes>();
  if (a.p != 2) return out.cannot(fmt::format("p {}", a.p));
  if (a.padding != Padding::kValid || a.ceil) return out.cannot("padding");
  auto table = write_window<tflite::Pool2DOptionsT>(a, tflite::Padding_VALID);
  table.filter_height = a.filter_h;
  table.filter_width = a.filter_w;
  const TensorId squares = out.apply(kSquare, {out.input(0)});
  const TensorId means = out.temporary(out.output());
  const TensorId sums = out.temporary(out.output());
  constexpr std::int32_t kAveragePool = 1;
  constexpr std::int32_t kMul = 18;
  out.emit(kAveragePool, {squares}, {means}, options_with(table));
  out.apply_to(kMul, {means, out.constant(static_cast<float>(a.filter_h * a.filter_w))}, sums);
  out.apply_to(kSqrt, {sums}, out.output());
  return {};
}

constexpr std::array kRows = {
    TfliteOp{3, Op::kConv2D, 1, 3, read_conv2d, nullptr, nullptr, write_conv2d},
    TfliteOp{4, Op::kDepthwiseConv2D, 1, 3, read_depthwise_conv2d, nullptr, nullptr, write_depthwise_conv2d},
    TfliteOp{132, Op::kConv3D, 1, 1, nullptr, read_conv3d, nullptr, write_conv3d},
    TfliteOp{67, Op::kTransposeConv2D, 1, 2, nullptr, read_transpose_conv, nullptr, write_transpose_conv},
    TfliteOp{9, Op::kFullyConnected, 1, 4, read_fully_connected, nullptr, write_fully_connected},
    TfliteOp{126, Op::kMatMul, 1, 2, read_batch_matmul, nullptr, nullptr, write_matmul},
    TfliteOp{1, Op::kAveragePool2D, 1, 2, read_pool2d, nullptr, nullptr, write_pool2d},
    TfliteOp{17, Op::kMaxPool2D, 1, 2, read_pool2d, nullptr, nullptr, write_pool2d},
    TfliteOp{12, Op::kCount, 1, 1, nullptr, read_l2_pool},
    TfliteOp{kTfliteNone, Op::kLpPool2D, 1, 1, nullptr, nullptr, nullptr, write_lp_pool},
    TfliteOp{25, Op::kSoftmax, 1, 2, read_softmax, nullptr, nullptr, write_softmax},
    TfliteOp{50, Op::kLogSoftmax, 1, 2, fixed_attributes<graph::SoftmaxAttributes>, nullptr, nullptr, write_softmax},
    TfliteOp{11, Op::kL2Norm, 1, 2, nullptr, read_l2_norm, nullptr, write_l2_norm},
    TfliteOp{13, Op::kLocalResponseNorm, 1, 1, read_lrn, nullptr, nullptr, write_lrn},
    TfliteOp{23, Op::kResize, 1, 2, read_resize_bilinear, nullptr, nullptr, write_resize},
    TfliteOp{97, Op::kResize, 1, 2, read_resize_nearest},
    TfliteOp{27, Op::kSvdf, 1, 3, nullptr, read_svdf, nullptr, write_svdf},
    TfliteOp{44, Op::kSequenceLstm, 1, 3, nullptr, read_sequence_lstm, nullptr, write_sequence_lstm},
};

}  // namespace

std::span<const TfliteOp> tflite_layer_rows() {
  return kRows;
}

}  // namespace lichen::formats
