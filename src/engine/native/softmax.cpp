// SPDX-License-Identifier: Apache-2.0
#include <array>
#include "kernels/reference/softmax.hpp"

#include <cmath>

#include <fmt/format.h>

#include "engine/native/builders.hpp"

namespace lichen::engine {
namespace {

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

}  // namespace

static StepResult build_softmax(const BuildContext& context) {
  const tensor::Shape& shape = context.node.input(0).spec.shape;
  const kernels::Index depth = shape.dims().back();
  const kernels::Index rows = shape.elements() / depth;
  const float beta = context.node.attributes<graph::SoftmaxAttributes>().beta;
  switch (context.node.output().spec.dtype) {
    case tensor::DType::kI8:
      return build_integer<std::int8_t>(context, rows, depth, beta);
    case tensor::DType::kU8:
      return build_integer<std::uint8_t>(context, rows, depth, beta);
    default:
      break;
  }
  return make_step("softmax f32 reference", 0, [rows, depth, beta](const StepBuffers& b) {
    kernels::reference::softmax(rows, depth, b.in<float>(0), beta, b.out<float>());
  });
}

namespace {
constexpr std::array kBuilders = {Builder{graph::Op::kSoftmax, build_softmax}};
}  // namespace

std::span<const Builder> softmax_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
