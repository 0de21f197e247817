// SPDX-License-Identifier: Apache-2.0
// AveragePool2D and MaxPool2D of floats. XNNPACK's integer maximum would be exact, but is not worth an exception.
#include "engine/backends/xnnpack/operators.hpp"

namespace lichen::engine::xnnpack {
namespace {

std::unique_ptr<Step> average_step(const Window& w, kernels::FloatRange range) {
  Operator op = create([&](xnn_operator_t* to) {
    return xnn_create_average_pooling2d_nhwc_f32(w.top, w.right, w.bottom, w.left, w.filter_h, w.filter_w, w.stride_h,
                                                 w.stride_w, w.in_c, w.in_c, w.out_c, range.min, range.max, 0, to);
  });
  return step_of("average_pool2d f32 xnnpack", std::move(op), 1, [w](xnn_operator_t it, const StepBuffers& b) {
    return xnn_setup_average_pooling2d_nhwc_f32(it, w.batch, w.in_h, w.in_w, b.in<float>(0), b.out<float>(), nullptr);
  });
}

// The mean over the whole image.
std::unique_ptr<Step> global_average_step(const Window& w, kernels::FloatRange range) {
  Operator op = create([&](xnn_operator_t* to) {
    return xnn_create_global_average_pooling_nwc_f32(w.in_c, w.in_c, w.out_c, range.min, range.max, 0, to);
  });
  return step_of("average_pool2d f32 global xnnpack", std::move(op), 1, [w](xnn_operator_t it, const StepBuffers& b) {
    return xnn_setup_global_average_pooling_nwc_f32(it, w.batch, w.in_h * w.in_w, b.in<float>(0), b.out<float>(),
                                                    nullptr);
  });
}

std::unique_ptr<Step> max_step(const Window& w, kernels::FloatRange range) {
  Operator op = create([&](xnn_operator_t* to) {
    return xnn_create_max_pooling2d_nhwc_f32(w.top, w.right, w.bottom, w.left, w.filter_h, w.filter_w, w.stride_h,
                                             w.stride_w, w.dilation_h, w.dilation_w, w.in_c, w.in_c, w.out_c, range.min,
                                             range.max, 0, to);
  });
  return step_of("max_pool2d f32 xnnpack", std::move(op), 1, [w](xnn_operator_t it, const StepBuffers& b) {
    return xnn_setup_max_pooling2d_nhwc_f32(it, w.batch, w.in_h, w.in_w, b.in<float>(0), b.out<float>(), nullptr);
  });
}

}  // namespace

StepResult pool2d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::Pool2DAttributes>();
  const auto w = LICHEN_TRY(window_of(context.node, a, a.filter_h, a.filter_w));
  const bool max = context.node.node().op == graph::Op::kMaxPool2D;
  const bool one_pixel = w.filter_h * w.filter_w == 1;  // XNNPACK refuses these, and prints that it does
  const bool dilated_mean = !max && w.dilation_h * w.dilation_w != 1;
  const bool wants_indices = context.node.node().outputs.size() > 1;
  if (context.node.output().spec.dtype != tensor::DType::kF32 || !has_clamp(a.activation) || one_pixel ||
      dilated_mean || wants_indices || a.counts_padding || a.ceil || !taps_fit(w))
    return std::unique_ptr<Step>();
  const Window window = window_from(w);
  const kernels::FloatRange range = range_of(a.activation);
  if (max) return max_step(window, range);
  const bool global = w.out_h * w.out_w == 1 && w.filter_h == w.in_h && w.filter_w == w.in_w;
  return global ? global_average_step(window, range) : average_step(window, range);
}

}  // namespace lichen::engine::xnnpack
