// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite_ops.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace lichen::formats {
namespace {

using flatbuffers::FlatBufferBuilder;
using graph::Activation;
using graph::Attributes;
using graph::Padding;

std::unexpected<Error> bad_options(std::string why, Code code = Code::kBadInput) {
  return fail(code, "bad operator", "options", std::move(why));
}

Result<Activation> read_activation(tflite::ActivationFunctionType type) {
  switch (type) {
    case tflite::ActivationFunctionType_NONE:
      return Activation::kNone;
    case tflite::ActivationFunctionType_RELU:
      return Activation::kRelu;
    case tflite::ActivationFunctionType_RELU_N1_TO_1:
      return Activation::kReluN1To1;
    case tflite::ActivationFunctionType_RELU6:
      return Activation::kRelu6;
    case tflite::ActivationFunctionType_TANH:
      return Activation::kTanh;
    default:
      return bad_options(fmt::format("fused activation {}", static_cast<int>(type)), Code::kUnsupported);
  }
}

tflite::ActivationFunctionType write_activation(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return tflite::ActivationFunctionType_NONE;
    case Activation::kRelu:
      return tflite::ActivationFunctionType_RELU;
    case Activation::kReluN1To1:
      return tflite::ActivationFunctionType_RELU_N1_TO_1;
    case Activation::kRelu6:
      return tflite::ActivationFunctionType_RELU6;
    case Activation::kTanh:
      return tflite::ActivationFunctionType_TANH;
  }
  return tflite::ActivationFunctionType_NONE;
}

Result<Padding> read_padding(tflite::Padding padding) {
  if (padding == tflite::Padding_SAME) return Padding::kSame;
  if (padding == tflite::Padding_VALID) return Padding::kValid;
  return bad_options(fmt::format("padding {}", static_cast<int>(padding)));
}

tflite::Padding write_padding(Padding padding) {
  return padding == Padding::kSame ? tflite::Padding_SAME : tflite::Padding_VALID;
}

template <typename T>
WrittenOptions written(tflite::BuiltinOptions type, flatbuffers::Offset<T> table) {
  return {type, table.Union()};
}

Result<Attributes> read_conv2d(const tflite::Operator& from) {
  const auto* options = from.builtin_options_as_Conv2DOptions();
  if (options == nullptr) return bad_options("there are none");
  graph::Conv2DAttributes to;
  to.padding = LICHEN_TRY(read_padding(options->padding()));
  to.stride_h = options->stride_h();
  to.stride_w = options->stride_w();
  to.dilation_h = options->dilation_h_factor();
  to.dilation_w = options->dilation_w_factor();
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  return to;
}

WrittenOptions write_conv2d(FlatBufferBuilder& builder, const Attributes& attributes) {
  const auto& a = std::get<graph::Conv2DAttributes>(attributes);
  return written(tflite::BuiltinOptions_Conv2DOptions,
                 tflite::CreateConv2DOptions(builder, write_padding(a.padding), a.stride_w, a.stride_h,
                                             write_activation(a.activation), a.dilation_w, a.dilation_h));
}

Result<Attributes> read_depthwise_conv2d(const tflite::Operator& from) {
  const auto* options = from.builtin_options_as_DepthwiseConv2DOptions();
  if (options == nullptr) return bad_options("there are none");
  graph::DepthwiseConv2DAttributes to;
  to.padding = LICHEN_TRY(read_padding(options->padding()));
  to.stride_h = options->stride_h();
  to.stride_w = options->stride_w();
  to.dilation_h = options->dilation_h_factor();
  to.dilation_w = options->dilation_w_factor();
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  to.depth_multiplier = options->depth_multiplier();
  return to;
}

WrittenOptions write_depthwise_conv2d(FlatBufferBuilder& builder, const Attributes& attributes) {
  const auto& a = std::get<graph::DepthwiseConv2DAttributes>(attributes);
  return written(tflite::BuiltinOptions_DepthwiseConv2DOptions,
                 tflite::CreateDepthwiseConv2DOptions(builder, write_padding(a.padding), a.stride_w, a.stride_h,
                                                      a.depth_multiplier, write_activation(a.activation), a.dilation_w,
                                                      a.dilation_h));
}

Result<Attributes> read_pool2d(const tflite::Operator& from) {
  const auto* options = from.builtin_options_as_Pool2DOptions();
  if (options == nullptr) return bad_options("there are none");
  graph::Pool2DAttributes to;
  to.padding = LICHEN_TRY(read_padding(options->padding()));
  to.stride_h = options->stride_h();
  to.stride_w = options->stride_w();
  to.filter_h = options->filter_height();
  to.filter_w = options->filter_width();
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  return to;
}

WrittenOptions write_pool2d(FlatBufferBuilder& builder, const Attributes& attributes) {
  const auto& a = std::get<graph::Pool2DAttributes>(attributes);
  return written(tflite::BuiltinOptions_Pool2DOptions,
                 tflite::CreatePool2DOptions(builder, write_padding(a.padding), a.stride_w, a.stride_h, a.filter_w,
                                             a.filter_h, write_activation(a.activation)));
}

Result<Attributes> read_fully_connected(const tflite::Operator& from) {
  const auto* options = from.builtin_options_as_FullyConnectedOptions();
  if (options == nullptr) return bad_options("there are none");
  if (options->weights_format() != tflite::WeightsFormat_DEFAULT)
    return bad_options("shuffled weights", Code::kUnsupported);
  graph::FullyConnectedAttributes to;
  to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  to.keep_dims = options->keep_num_dims();
  return to;
}

WrittenOptions write_fully_connected(FlatBufferBuilder& builder, const Attributes& attributes) {
  const auto& a = std::get<graph::FullyConnectedAttributes>(attributes);
  return written(tflite::BuiltinOptions_FullyConnectedOptions,
                 tflite::CreateFullyConnectedOptions(builder, write_activation(a.activation),
                                                     tflite::WeightsFormat_DEFAULT, a.keep_dims));
}

Result<Attributes> read_add(const tflite::Operator& from) {
  graph::ElementwiseAttributes to;
  const auto* options = from.builtin_options_as_AddOptions();
  if (options != nullptr) to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  return to;
}

WrittenOptions write_add(FlatBufferBuilder& builder, const Attributes& attributes) {
  const auto& a = std::get<graph::ElementwiseAttributes>(attributes);
  return written(tflite::BuiltinOptions_AddOptions, tflite::CreateAddOptions(builder, write_activation(a.activation)));
}

Result<Attributes> read_mul(const tflite::Operator& from) {
  graph::ElementwiseAttributes to;
  const auto* options = from.builtin_options_as_MulOptions();
  if (options != nullptr) to.activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  return to;
}

WrittenOptions write_mul(FlatBufferBuilder& builder, const Attributes& attributes) {
  const auto& a = std::get<graph::ElementwiseAttributes>(attributes);
  return written(tflite::BuiltinOptions_MulOptions, tflite::CreateMulOptions(builder, write_activation(a.activation)));
}

Result<Attributes> read_softmax(const tflite::Operator& from) {
  const auto* options = from.builtin_options_as_SoftmaxOptions();
  if (options == nullptr) return bad_options("there are none");
  return graph::SoftmaxAttributes{options->beta()};
}

WrittenOptions write_softmax(FlatBufferBuilder& builder, const Attributes& attributes) {
  const auto& a = std::get<graph::SoftmaxAttributes>(attributes);
  return written(tflite::BuiltinOptions_SoftmaxOptions, tflite::CreateSoftmaxOptions(builder, a.beta));
}

Result<Attributes> read_reshape(const tflite::Operator& from) {
  graph::ReshapeAttributes to;
  const auto* options = from.builtin_options_as_ReshapeOptions();
  if (options != nullptr && options->new_shape() != nullptr) {
    if (options->new_shape()->size() > tensor::kRankMax)
      return bad_options(fmt::format("rank {}", options->new_shape()->size()));
    to.shape.assign(options->new_shape()->begin(), options->new_shape()->end());
  }
  return to;
}

WrittenOptions write_reshape(FlatBufferBuilder& builder, const Attributes& attributes) {
  const auto& a = std::get<graph::ReshapeAttributes>(attributes);
  return written(tflite::BuiltinOptions_ReshapeOptions,
                 tflite::CreateReshapeOptions(builder, builder.CreateVector(a.shape)));
}

Result<Attributes> read_unary(const tflite::Operator&) {
  return graph::UnaryAttributes{};
}
Result<Attributes> read_none(const tflite::Operator&) {
  return graph::NoAttributes{};
}
WrittenOptions write_none(FlatBufferBuilder&, const Attributes&) {
  return {};
}
WrittenOptions write_quantize(FlatBufferBuilder& builder, const Attributes&) {
  return written(tflite::BuiltinOptions_QuantizeOptions, tflite::CreateQuantizeOptions(builder));
}
WrittenOptions write_dequantize(FlatBufferBuilder& builder, const Attributes&) {
  return written(tflite::BuiltinOptions_DequantizeOptions, tflite::CreateDequantizeOptions(builder));
}

using graph::Op;
constexpr std::array<TfliteOp, 14> kRows = {{
    {0, Op::kAdd, 1, 2, read_add, write_add},
    {1, Op::kAveragePool2D, 1, 2, read_pool2d, write_pool2d},
    {3, Op::kConv2D, 1, 3, read_conv2d, write_conv2d},
    {4, Op::kDepthwiseConv2D, 1, 3, read_depthwise_conv2d, write_depthwise_conv2d},
    {6, Op::kDequantize, 1, 2, read_none, write_dequantize},
    {9, Op::kFullyConnected, 1, 4, read_fully_connected, write_fully_connected},
    {14, Op::kLogistic, 1, 2, read_unary, write_none},
    {17, Op::kMaxPool2D, 1, 2, read_pool2d, write_pool2d},
    {18, Op::kMul, 1, 2, read_mul, write_mul},
    {114, Op::kQuantize, 1, 2, read_none, write_quantize},
    {19, Op::kRelu, 1, 2, read_unary, write_none},
    {21, Op::kRelu6, 1, 2, read_unary, write_none},
    {22, Op::kReshape, 1, 1, read_reshape, write_reshape},
    {25, Op::kSoftmax, 1, 2, read_softmax, write_softmax},
}};

}  // namespace

const TfliteOp* tflite_op(std::int32_t code) {
  const auto at = std::ranges::find(kRows, code, &TfliteOp::code);
  return at == kRows.end() ? nullptr : &*at;
}

const TfliteOp& tflite_op(graph::Op op) {
  const auto at = std::ranges::find(kRows, op, &TfliteOp::op);
  LICHEN_ASSERT(at != kRows.end());
  return *at;
}

}  // namespace lichen::formats
