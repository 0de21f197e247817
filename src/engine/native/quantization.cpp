// SPDX-License-Identifier: Apache-2.0
#include "engine/native/quantization.hpp"

#include <cmath>

#include "base/assert.hpp"

namespace lichen::engine {

kernels::FloatRange range_of(graph::Activation activation) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  switch (activation) {
    case graph::Activation::kNone:
      return {-kInfinity, kInfinity};
    case graph::Activation::kRelu:
      return {0.0F, kInfinity};
    case graph::Activation::kReluN1To1:
      return {-1.0F, 1.0F};
    case graph::Activation::kRelu6:
      return {0.0F, 6.0F};
    case graph::Activation::kTanh:
      LICHEN_ASSERT(false);  // no clamp: builders of layers with weights refuse it
  }
  return {};
}

kernels::IntegerClamp clamp_of(graph::Activation activation, const graph::Tensor& output) {
  return clamp_of(range_of(activation), output);
}

kernels::IntegerClamp clamp_of(kernels::FloatRange range, const graph::Tensor& output) {
  const tensor::IntegerRange whole = tensor::range_of(output.spec.dtype);
  const auto stored = [&](float real) {  // clamped as a float, so that infinities are whole.min and whole.max
    const float moved =
        std::round(real / output.quantization.scale()) + static_cast<float>(output.quantization.zero_point());
    return static_cast<std::int32_t>(std::clamp(moved, static_cast<float>(whole.min), static_cast<float>(whole.max)));
  };
  return {stored(range.min), stored(range.max)};
}

Result<WeightedQuantization> weighted_quantization(const graph::NodeView& node, graph::Activation activation,
                                                   std::size_t channels, ScaleProduct product) {
  const tensor::Quantization& in = node.input(0).quantization;
  const tensor::Quantization& weights = node.input(1).quantization;
  const graph::Tensor& output = node.output();
  WeightedQuantization q;
  q.base.in_zero_point = in.zero_point();
  q.base.weights_zero_point = weights.zero_point();
  q.base.out_zero_point = output.quantization.zero_point();
  q.base.clamp = clamp_of(activation, output);
  if (rounds_to_even(node)) {
    for (std::size_t c = 0; c < channels; ++c)
      q.scales.push_back(in.scale() * weights.scale(c) / output.quantization.scale());
    return q;
  }
  q.multipliers.reserve(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double scale = product == ScaleProduct::kDouble ? double{in.scale()} * double{weights.scale(c)}
                                                          : double{in.scale() * weights.scale(c)};
    q.multipliers.push_back(LICHEN_TRY(kernels::quantize_multiplier(scale / double{output.quantization.scale()})));
  }
  return q;
}

}  // namespace lichen::engine
