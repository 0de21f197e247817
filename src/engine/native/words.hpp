// SPDX-License-Identifier: Apache-2.0
// Layers of 16-bit activations by 8-bit weights, both around 0, as TFLite has them ("16x8").
#pragma once

#include "engine/native/element_types.hpp"
#include "engine/native/quantization.hpp"

namespace lichen::engine {

// f(Type<Sum>{}): sums have the type of the bias; without one, 64 bits.
template <typename F>
[[nodiscard]] StepResult with_sum_type(const graph::NodeView& node, const F& f) {
  if (node.has_input(2) && node.input(2).spec.dtype == tensor::DType::kI32) return f(Type<std::int32_t>{});
  return f(Type<std::int64_t>{});
}

// Refuses scales that multiply by 2^14 and more, which sums of 64 bits cannot be shifted by, and graphs of ONNX, which
// has no such layers.
[[nodiscard]] Result<WeightedQuantization> words_quantization(const BuildContext& context, graph::Activation activation,
                                                              std::size_t channels);

}  // namespace lichen::engine
