// SPDX-License-Identifier: Apache-2.0
// AveragePool2D and MaxPool2D.
#include <array>
#include "kernels/reference/pool2d.hpp"

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "engine/native/window.hpp"

namespace lichen::engine {
namespace {

template <typename T, typename Range>
std::unique_ptr<Step> vector_step(const BuildContext& context, bool average, const kernels::Window2D& w, Range range) {
  if constexpr (std::is_same_v<T, float>) {
    return average ? vector_average_pool2d(context, w, range) : vector_max_pool2d(context, w, range);
  } else {
    return average ? vector_average_pool2d<T>(context, w, range) : vector_max_pool2d<T>(context, w, range);
  }
}

template <typename T, typename Range>
std::unique_ptr<Step> step_of(const BuildContext& context, bool average, const kernels::Window2D& w, Range range,
                              std::string_view kernel) {
  if constexpr (kHasVectorKernels) {
    if (auto step = vector_step<T>(context, average, w, range)) return step;
  }
  if (average) {
    return make_step(kernel, 0, [w, range](const StepBuffers& b) {
      kernels::reference::average_pool2d(w, b.in<T>(0), range, b.out<T>());
    });
  }
  return make_step(kernel, 0, [w, range](const StepBuffers& b) {
    kernels::reference::max_pool2d(w, b.in<T>(0), range, b.out<T>());
  });
}

}  // namespace

static StepResult build_pool2d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::Pool2DAttributes>();
  const bool average = context.node.node().op == graph::Op::kAveragePool2D;
  const auto w = LICHEN_TRY(window_of(context.node, a, a.filter_h, a.filter_w));
  const graph::Tensor& output = context.node.output();
  const bool plain = output.spec.dtype != tensor::DType::kF32 && output.quantization.empty();
  if (a.dilation_h != 1 || a.dilation_w != 1 || a.counts_padding || context.node.has_output(1) || plain)
    return fail(Code::kUnsupported, "cannot plan model", {}, "a pooling of this form");
  switch (output.spec.dtype) {
    case tensor::DType::kI8:
      return step_of<std::int8_t>(context, average, w, clamp_of(a.activation, output),
                                  average ? "average_pool2d i8 reference" : "max_pool2d i8 reference");
    case tensor::DType::kU8:
      return step_of<std::uint8_t>(context, average, w, clamp_of(a.activation, output),
                                   average ? "average_pool2d u8 reference" : "max_pool2d u8 reference");
    default:
      return step_of<float>(context, average, w, range_of(a.activation),
                            average ? "average_pool2d f32 reference" : "max_pool2d f32 reference");
  }
}

namespace {
constexpr std::array kBuilders = {Builder{graph::Op::kAveragePool2D, build_pool2d}, Builder{graph::Op::kMaxPool2D, build_pool2d}};
}  // namespace

std::span<const Builder> pool2d_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
