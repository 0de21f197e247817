// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/softmax.hpp"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "engine/native/axis_view.hpp"
#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/sharing.hpp"
#include "engine/native/vector.hpp"

namespace lichen::engine {
namespace {

constexpr kernels::Index kExpWork = 16;  // an exponential beside moving a byte

// The integer kernel writes probabilities in steps of 1/256 from the smallest value of the type.
Result<void> require_probabilities(const graph::Tensor& output) {
  constexpr float kStep = 1.0F / 256.0F;
  const bool scale_fits = std::abs(output.quantization.scale() - kStep) <= 0.001F * kStep;
  if (scale_fits && output.quantization.zero_point() == tensor::range_of(output.spec.dtype).min) return {};
  return fail(Code::kUnsupported, "cannot plan model", fmt::format("tensor '{}'", output.spec.name),
              "the output of an integer softmax must have scale 1/256 and start at the smallest value");
}

template <typename T>
StepResult build_integer(const BuildContext& context, kernels::Index rows, kernels::Index depth, float beta) {
  LICHEN_TRY(require_probabilities(context.node.output()));
  const auto q = LICHEN_TRY(kernels::reference::softmax_quantized(beta, context.node.input(0).quantization.scale()));
  return make_step(
      std::is_signed_v<T> ? "softmax i8 reference" : "softmax u8 reference", 0,
      [rows, depth, q](const StepBuffers& b) { kernels::reference::softmax(rows, depth, b.in<T>(0), q, b.out<T>()); });
}

// The logarithms of those, from -16 to 0.
template <typename T>
StepResult build_integer_logarithm(const BuildContext& context, kernels::Index rows, kernels::Index depth) {
  const graph::Tensor& output = context.node.output();
  constexpr float kStep = 1.0F / 16.0F;
  if (output.quantization.scale() != kStep ||
      output.quantization.zero_point() != tensor::range_of(output.spec.dtype).max) {
    return fail(Code::kUnsupported, "cannot plan model", fmt::format("tensor '{}'", output.spec.name),
                "the output of an integer log softmax must have scale 1/16 and end at the largest value");
  }
  const auto q = LICHEN_TRY(kernels::reference::log_softmax_quantized(context.node.input(0).quantization.scale()));
  return make_step(std::is_signed_v<T> ? "log_softmax i8 reference" : "log_softmax u8 reference", 0,
                   [rows, depth, q](const StepBuffers& b) {
                     kernels::reference::log_softmax(rows, depth, b.in<T>(0), q, b.out<T>());
                   });
}

// Bytes to 16 bits: probabilities in steps of 1/65536 from the smallest value, whatever scale the output has; so does
// LiteRT.
template <typename T>
StepResult build_widening(const BuildContext& context, kernels::Index rows, kernels::Index depth, float beta) {
  const auto q = LICHEN_TRY(kernels::reference::softmax_quantized(beta, context.node.input(0).quantization.scale()));
  return make_step("softmax i16 of bytes reference", 0, [rows, depth, q](const StepBuffers& b) {
    kernels::reference::softmax(rows, depth, b.in<T>(0), q, b.out<std::int16_t>());
  });
}

StepResult build_words(const BuildContext& context, kernels::Index rows, kernels::Index depth, float beta) {
  constexpr float kStep = 1.0F / 32768.0F;
  const tensor::Quantization& out = context.node.output().quantization;
  if (std::abs(out.scale() - kStep) > 0.001F * kStep || out.zero_point() != 0) {
    return fail(Code::kUnsupported, "cannot plan model", fmt::format("tensor '{}'", context.node.output().spec.name),
                "the output of a softmax of i16 must have scale 1/32768 and zero point 0");
  }
  const auto q = LICHEN_TRY(kernels::reference::softmax_words(beta, context.node.input(0).quantization.scale()));
  return make_step("softmax i16 reference", 0, [rows, depth, q](const StepBuffers& b) {
    kernels::reference::softmax(rows, depth, b.in<std::int16_t>(0), q, b.out<std::int16_t>());
  });
}

using kernels::Index;

// The axis, or what is at it and after it.
kernels::reference::AxisView view_of(const graph::NodeView& node) {
  const auto& a = node.attributes<graph::SoftmaxAttributes>();
  const tensor::Shape& shape = node.input(0).spec.shape;
  if (a.flattens && a.axis == static_cast<std::int32_t>(shape.rank())) return {shape.elements(), 1, 1};
  kernels::reference::AxisView v = axis_view(shape, a.axis);
  if (a.flattens) {
    v.channels *= v.inner;
    v.inner = 1;
  }
  return v;
}

StepResult build_f32(const kernels::reference::AxisView& v, float beta, bool logarithm) {
  using OfRows = void (*)(Index, Index, const float*, float, float*);
  const OfRows what = logarithm ? static_cast<OfRows>(&kernels::reference::log_softmax)
                                : static_cast<OfRows>(&kernels::reference::softmax);
  const std::string_view name = logarithm ? "log_softmax f32 reference" : "softmax f32 reference";
  if (v.inner == 1) {
    return make_step(name, 0, [v, beta, what](const StepBuffers& b) {
      share_rows(*b.threads, v.outer, v.channels * kExpWork, [&](Index begin, Index end) {
        what(end - begin, v.channels, b.in<float>(0) + begin * v.channels, beta, b.out<float>() + begin * v.channels);
      });
    });
  }
  const auto line = static_cast<std::size_t>(2 * v.channels) * sizeof(float);
  return make_step(name, line, [v, beta, what](const StepBuffers& b) {
    kernels::reference::softmax_strided(v.outer, v.channels, v.inner, b.in<float>(0), beta, what,
                                        reinterpret_cast<float*>(b.scratch), b.out<float>());
  });
}

StepResult build_softmax(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::SoftmaxAttributes>();
  const kernels::reference::AxisView v = view_of(context.node);
  const bool logarithm = context.node.node().op == graph::Op::kLogSoftmax;
  const tensor::DType dtype = context.node.output().spec.dtype;
  if constexpr (kHasVectorKernels) {
    if (dtype == tensor::DType::kF32 && !logarithm && v.inner == 1) {
      if (auto step = vector_softmax(context, v.outer, v.channels, a.beta)) return step;
    }
  }
  if (dtype == tensor::DType::kF32) return build_f32(v, a.beta, logarithm);
  if (v.inner != 1 || rounds_to_even(context.node)) return not_computed(context);
  if (logarithm && dtype == tensor::DType::kI8)
    return build_integer_logarithm<std::int8_t>(context, v.outer, v.channels);
  if (logarithm && dtype == tensor::DType::kU8)
    return build_integer_logarithm<std::uint8_t>(context, v.outer, v.channels);
  if (logarithm) return not_computed(context);
  if (dtype == tensor::DType::kI8) return build_integer<std::int8_t>(context, v.outer, v.channels, a.beta);
  if (dtype == tensor::DType::kU8) return build_integer<std::uint8_t>(context, v.outer, v.channels, a.beta);
  const tensor::DType from = context.node.input(0).spec.dtype;
  if (dtype != tensor::DType::kI16) return not_computed(context);
  if (from == tensor::DType::kI8) return build_widening<std::int8_t>(context, v.outer, v.channels, a.beta);
  if (from == tensor::DType::kU8) return build_widening<std::uint8_t>(context, v.outer, v.channels, a.beta);
  if (from == tensor::DType::kI16) return build_words(context, v.outer, v.channels, a.beta);
  return not_computed(context);
}

constexpr std::array kBuilders = {Builder{graph::Op::kLogSoftmax, build_softmax},
                                  Builder{graph::Op::kSoftmax, build_softmax}};

}  // namespace

std::span<const Builder> softmax_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
