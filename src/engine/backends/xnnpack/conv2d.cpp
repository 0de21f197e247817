// SPDX-License-Identifier: Apache-2.0
// Conv2D and DepthwiseConv2D: one operator of XNNPACK, with as many groups as channels for the latter.
#include <vector>

#include "engine/backends/xnnpack/operators.hpp"

namespace lichen::engine::xnnpack {
namespace {

struct Groups {
  std::uint32_t count;
  std::size_t in_c, out_c;  // of each
  std::uint32_t flags;
};
constexpr std::uint32_t kDepthwise = XNN_FLAG_DEPTHWISE_CONVOLUTION;

std::unique_ptr<Step> float_step(const BuildContext& context, const Window& w, const Groups& g,
                                 graph::Activation activation, std::string_view kernel) {
  const kernels::FloatRange range = range_of(activation);
  Operator op = create([&](xnn_operator_t* to) {
    return xnn_create_convolution2d_nhwc_f32(w.top, w.right, w.bottom, w.left, w.filter_h, w.filter_w, w.stride_h,
                                             w.stride_w, w.dilation_h, w.dilation_w, g.count, g.in_c, g.out_c, w.in_c,
                                             w.out_c, constant_of<float>(context.node, 1),
                                             constant_of<float>(context.node, 2), range.min, range.max, g.flags, to);
  });
  return step_of(kernel, std::move(op), 1, [w](xnn_operator_t it, const StepBuffers& b) {
    return xnn_setup_convolution2d_nhwc_f32(it, w.batch, w.in_h, w.in_w, b.in<float>(0), b.out<float>(), nullptr);
  });
}

std::unique_ptr<Step> integer_step(const BuildContext& context, const Window& w, const Groups& g,
                                   graph::Activation activation, std::string_view kernel) {
  const tensor::Quantization& in = context.node.input(0).quantization;
  const tensor::Quantization& out = context.node.output().quantization;
  const tensor::Quantization& weights = context.node.input(1).quantization;
  const kernels::IntegerClamp clamp = clamp_of(activation, context.node.output());
  if (clamp.min >= clamp.max || weights.zero_point() != 0) return nullptr;
  std::vector<float> scales;
  for (std::size_t c = 0; c < w.out_c; ++c) scales.push_back(weights.scale(c));
  const auto i8 = [](std::int32_t value) { return static_cast<std::int8_t>(value); };
  Operator op = create([&](xnn_operator_t* to) {
    return xnn_create_convolution2d_nhwc_qc8(
        w.top, w.right, w.bottom, w.left, w.filter_h, w.filter_w, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w,
        g.count, g.in_c, g.out_c, w.in_c, w.out_c, i8(in.zero_point()), in.scale(), scales.data(),
        constant_of<std::int8_t>(context.node, 1), constant_of<std::int32_t>(context.node, 2), i8(out.zero_point()),
        out.scale(), i8(clamp.min), i8(clamp.max), g.flags, to);
  });
  return step_of(kernel, std::move(op), 1, [w](xnn_operator_t it, const StepBuffers& b) {
    return xnn_setup_convolution2d_nhwc_qc8(it, w.batch, w.in_h, w.in_w, b.in<std::int8_t>(0), b.out<std::int8_t>(),
                                            nullptr);
  });
}

struct Names {
  std::string_view f32, i8;
};

StepResult step_for(const BuildContext& context, const kernels::Window2D& w, const Groups& g,
                    graph::Activation activation, const Names& names) {
  // XNNPACK pads the channels of each group by up to 15, and keeps its own copy of the weights.
  constexpr std::size_t kPadded = 16;
  const std::size_t taps = static_cast<std::size_t>(w.filter_h * w.filter_w);
  const std::size_t channels = g.flags == kDepthwise ? static_cast<std::size_t>(w.out_c) + kPadded
                                                     : g.count * (g.out_c + kPadded) * (g.in_c + kPadded);
  LICHEN_TRY(context.budget.take(taps * channels * sizeof(float)));
  const bool is_float = context.node.output().spec.dtype == tensor::DType::kF32;
  return is_float ? float_step(context, window_from(w), g, activation, names.f32)
                  : integer_step(context, window_from(w), g, activation, names.i8);
}

}  // namespace

StepResult conv2d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::Conv2DAttributes>();
  const tensor::Shape& shape = context.node.input(1).spec.shape;
  const auto w = LICHEN_TRY(window_of(context.node, a, shape[1], shape[2]));
  if (!has_plain_weights(context.node) || !has_clamp(a.activation) || shape[3] != w.in_c || !taps_fit(w))
    return std::unique_ptr<Step>();
  const Groups one{1, static_cast<std::size_t>(w.in_c), static_cast<std::size_t>(w.out_c), 0};
  return step_for(context, w, one, a.activation, {"conv2d f32 xnnpack", "conv2d i8 xnnpack (within 1 LSB)"});
}

StepResult depthwise_conv2d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::DepthwiseConv2DAttributes>();
  const tensor::Shape& shape = context.node.input(1).spec.shape;
  const auto w = LICHEN_TRY(window_of(context.node, a, shape[1], shape[2]));
  if (!has_plain_weights(context.node) || !has_clamp(a.activation) || !taps_fit(w)) return std::unique_ptr<Step>();
  const Groups each{static_cast<std::uint32_t>(w.in_c), 1, static_cast<std::size_t>(w.out_c / w.in_c), kDepthwise};
  return step_for(context, w, each, a.activation,
                  {"depthwise_conv2d f32 xnnpack", "depthwise_conv2d i8 xnnpack (within 1 LSB)"});
}

}  // namespace lichen::engine::xnnpack
