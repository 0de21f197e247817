// SPDX-License-Identifier: Apache-2.0
// From scales and activations to what integer kernels compute with, by the same float and double steps as LiteRT, since
// the last bit of a multiplier decides about the last bit of an answer.
#pragma once

#include <vector>

#include "graph/graph.hpp"
#include "graph/ops/schema.hpp"
#include "kernels/geometry.hpp"

namespace lichen::engine {

// Of the activations that are clamps: all but kTanh.
[[nodiscard]] kernels::FloatRange range_of(graph::Activation activation);
// The same clamp in the stored integers of `output`.
[[nodiscard]] kernels::IntegerClamp clamp_of(graph::Activation activation, const graph::Tensor& output);
[[nodiscard]] kernels::IntegerClamp clamp_of(kernels::FloatRange range, const graph::Tensor& output);

// Which product of scales LiteRT's kernel forms: in double for convolutions of i8, in float for u8 and for fully
// connected layers with one scale.
enum class ScaleProduct : std::uint8_t { kDouble, kFloat };

// Does this node round as ONNX does? Vector kernels that round in fixed point only must not be taken then.
[[nodiscard]] inline bool rounds_to_even(const graph::NodeView& node) {
  return node.graph().rounding == graph::IntegerRounding::kNearestEven;
}

// Everything that requantizes a weighted sum; the multipliers are owned here and lent to kernels by requantization().
struct WeightedQuantization {
  kernels::Requantization base;
  std::vector<kernels::Multiplier> multipliers;  // one an output channel
  std::vector<float> scales;                     // instead of them where the graph rounds to nearest even

  [[nodiscard]] kernels::Requantization requantization() const {
    kernels::Requantization q = base;
    q.multipliers = multipliers;
    q.scales = scales;
    return q;
  }
};
[[nodiscard]] Result<WeightedQuantization> weighted_quantization(const graph::NodeView& node,
                                                                 graph::Activation activation, std::size_t channels,
                                                                 ScaleProduct product);

}  // namespace lichen::engine
