// SPDX-License-Identifier: Apache-2.0
// From real ranges and weights to 8-bit scales. Formulas: TensorFlow Lite's 8-bit quantization specification.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "forge/calibrate.hpp"
#include "tensor/quantization.hpp"

namespace lichen::forge {

// One asymmetric i8 pair that covers the range and represents 0 exactly.
[[nodiscard]] tensor::Quantization activation_quantization(Range range);

// What softmax and logistic write: steps of 1/256 from 0.
[[nodiscard]] tensor::Quantization probability_quantization();

// Weights seen as [outer, channels, inner]; per tensor is one channel.
struct ChannelLayout {
  std::size_t channels = 1;
  std::size_t inner = 1;
  [[nodiscard]] std::size_t channel_of(std::size_t i) const { return (i / inner) % channels; }
};

struct QuantizedWeights {
  std::vector<std::int8_t> values;
  tensor::Quantization quantization;
  std::vector<std::int32_t> bias;  // empty where there was none
  tensor::Quantization bias_quantization;
};

// Symmetric weights in -127..127 and their bias in steps of (input scale * weight scale). `axis` is where the channels
// are in the weights' shape. With one channel, the bias still has its own length.
[[nodiscard]] QuantizedWeights quantize_weights(std::span<const float> weights, std::span<const float> bias,
                                                const ChannelLayout& layout, std::size_t axis, float input_scale);

// Rounds halves away from zero and saturates.
[[nodiscard]] std::vector<std::int8_t> quantize_values(std::span<const float> values, const tensor::Quantization& q);

}  // namespace lichen::forge
