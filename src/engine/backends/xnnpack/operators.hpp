// SPDX-License-Identifier: Apache-2.0
// What the steps of XNNPACK share. Only files of this folder include XNNPACK's header.
#pragma once

#include <memory>
#include <utility>

#include <xnnpack.h>

#include "base/assert.hpp"
#include "engine/backends/xnnpack/xnnpack.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/window.hpp"

namespace lichen::engine::xnnpack {

struct OperatorDeleter {
  void operator()(xnn_operator* op) const { xnn_delete_operator(op); }
};
using Operator = std::unique_ptr<xnn_operator, OperatorDeleter>;

// create(&op): one of XNNPACK's functions with everything but its last argument bound. Null: it refuses.
template <typename Create>
[[nodiscard]] Operator create(Create call) {
  xnn_operator_t op = nullptr;
  return call(&op) == xnn_status_success ? Operator(op) : nullptr;
}

// A step from setup(op, buffers), which tells the operator where its tensors are. It is called here once, on addresses
// that nobody reads, because the first call for a shape allocates what later ones use. Null: XNNPACK refuses the shape.
template <typename Setup>
[[nodiscard]] std::unique_ptr<Step> step_of(std::string_view kernel, Operator op, std::size_t inputs, Setup setup) {
  if (!op) return nullptr;
  alignas(64) static constexpr std::byte kNowhere[64] = {};
  const std::byte* const from[] = {kNowhere, kNowhere};
  std::byte* const to[] = {const_cast<std::byte*>(kNowhere)};
  const StepBuffers nowhere{std::span(from).first(inputs), to};
  if (setup(op.get(), nowhere) != xnn_status_success) return nullptr;
  return make_step(kernel, 0, [op = std::move(op), setup](const StepBuffers& b) {
    // The same shapes were accepted when the step was made; XNNPACK can refuse nothing else.
    LICHEN_ASSERT(setup(op.get(), b) == xnn_status_success);
    LICHEN_ASSERT(xnn_run_operator(op.get(), nullptr) == xnn_status_success);
  });
}

// Elements of padding after the last row or column: what the last window reads beyond the input.
[[nodiscard]] inline std::uint32_t pad_after(kernels::Index in, kernels::Index out, kernels::Index filter,
                                             kernels::Index stride, kernels::Index dilation, kernels::Index before) {
  const kernels::Index beyond = (out - 1) * stride + (filter - 1) * dilation + 1 - in - before;
  return static_cast<std::uint32_t>(std::max<kernels::Index>(beyond, 0));
}

// A window in XNNPACK's types.
struct Window {
  std::uint32_t top, right, bottom, left;
  std::uint32_t filter_h, filter_w, stride_h, stride_w, dilation_h, dilation_w;
  std::size_t batch, in_h, in_w, in_c, out_c;
};
[[nodiscard]] inline Window window_from(const kernels::Window2D& w) {
  const auto u32 = [](kernels::Index i) { return static_cast<std::uint32_t>(i); };
  const auto size = [](kernels::Index i) { return static_cast<std::size_t>(i); };
  return {u32(w.pad_h),
          pad_after(w.in_w, w.out_w, w.filter_w, w.stride_w, w.dilation_w, w.pad_w),
          pad_after(w.in_h, w.out_h, w.filter_h, w.stride_h, w.dilation_h, w.pad_h),
          u32(w.pad_w),
          u32(w.filter_h),
          u32(w.filter_w),
          u32(w.stride_h),
          u32(w.stride_w),
          u32(w.dilation_h),
          u32(w.dilation_w),
          size(w.batch),
          size(w.in_h),
          size(w.in_w),
          size(w.in_c),
          size(w.out_c)};
}

// XNNPACK keeps a pointer for every tap of every output pixel. A hostile window can ask for far more of them than the
// input has elements; such nodes are left to other kernels.
inline constexpr kernels::Index kTapPointersMax = kernels::Index{1} << 22;
[[nodiscard]] inline bool taps_fit(const kernels::Window2D& w) {
  kernels::Index taps = 1;
  for (const kernels::Index factor : {w.out_h, w.out_w, w.filter_h, w.filter_w}) {
    if (__builtin_mul_overflow(taps, factor, &taps) || taps > kTapPointersMax) return false;
  }
  return true;
}

template <typename T>
[[nodiscard]] const T* constant_of(const graph::NodeView& node, std::size_t input) {
  return node.has_input(input) ? node.input(input).constant->as<T>().data() : nullptr;
}

// Weights of the input's own type, and bias: both constant, as XNNPACK packs them when an operator is made.
[[nodiscard]] inline bool has_plain_weights(const graph::NodeView& node) {
  const graph::Tensor& weights = node.input(1);
  const bool bias_fits = !node.has_input(2) || node.input(2).constant.has_value();
  return weights.constant.has_value() && bias_fits && weights.spec.dtype == node.input(0).spec.dtype;
}

// Can it be applied by clamping?
[[nodiscard]] inline bool has_clamp(graph::Activation activation) {
  return activation != graph::Activation::kTanh;
}

// Each returns a null step where XNNPACK does not do it.
[[nodiscard]] StepResult conv2d(const BuildContext& context);
[[nodiscard]] StepResult depthwise_conv2d(const BuildContext& context);
[[nodiscard]] StepResult fully_connected(const BuildContext& context);
[[nodiscard]] StepResult pool2d(const BuildContext& context);
[[nodiscard]] StepResult add(const BuildContext& context);

}  // namespace lichen::engine::xnnpack
