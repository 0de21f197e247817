// SPDX-License-Identifier: Apache-2.0
#include "forge/scales.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/assert.hpp"

namespace lichen::forge {
namespace {

constexpr double kStepsAsymmetric = 255;  // -128..127
constexpr double kWeightMax = 127;        // symmetric: -128 is not used
constexpr double kBiasMax = 1 << 30;      // leaves the accumulator half of its range
constexpr double kSmallestScale = std::numeric_limits<float>::min();

std::int32_t rounded(double value, double min, double max) {
  return static_cast<std::int32_t>(std::clamp(std::round(value), min, max));
}

// The step in which a channel's weights fit into i8 and its bias into i32.
double weight_scale(double weight_max, double bias_max, double input_scale) {
  const double scale = std::max(weight_max / kWeightMax, bias_max / (input_scale * kBiasMax));
  return scale == 0 ? 1 : std::max(scale, kSmallestScale);
}

}  // namespace

tensor::Quantization activation_quantization(Range range) {
  const double min = std::min(0.0, double{range.min});
  const double max = std::max(0.0, double{range.max});
  const double scale = std::max((max - min) / kStepsAsymmetric, kSmallestScale);
  if (min == max) return tensor::per_tensor(1, 0);
  return tensor::per_tensor(static_cast<float>(scale), rounded(-128 - min / scale, -128, 127));
}

tensor::Quantization probability_quantization() {
  return tensor::per_tensor(1.0F / 256.0F, -128);
}

QuantizedWeights quantize_weights(std::span<const float> weights, std::span<const float> bias,
                                  const ChannelLayout& layout, std::size_t axis, float input_scale) {
  LICHEN_ASSERT(layout.channels > 0 && layout.inner > 0);
  const auto bias_channel = [&](std::size_t i) { return layout.channels == 1 ? std::size_t{0} : i; };
  std::vector<double> weight_max(layout.channels, 0.0);
  std::vector<double> bias_max(layout.channels, 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    double& max = weight_max[layout.channel_of(i)];
    max = std::max(max, std::abs(double{weights[i]}));
  }
  for (std::size_t i = 0; i < bias.size(); ++i) {
    double& max = bias_max[bias_channel(i)];
    max = std::max(max, std::abs(double{bias[i]}));
  }
  QuantizedWeights result;
  result.quantization.axis = axis;
  for (std::size_t c = 0; c < layout.channels; ++c) {
    const auto scale = static_cast<float>(weight_scale(weight_max[c], bias_max[c], double{input_scale}));
    result.quantization.scales.push_back(scale);
    result.bias_quantization.scales.push_back(input_scale * scale);
  }
  result.quantization.zero_points.assign(layout.channels, 0);
  result.bias_quantization.zero_points.assign(layout.channels, 0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double scale = double{result.quantization.scale(layout.channel_of(i))};
    result.values.push_back(static_cast<std::int8_t>(rounded(double{weights[i]} / scale, -kWeightMax, kWeightMax)));
  }
  for (std::size_t i = 0; i < bias.size(); ++i) {
    const double scale = double{input_scale} * double{result.quantization.scale(bias_channel(i))};
    result.bias.push_back(rounded(double{bias[i]} / scale, -kBiasMax, kBiasMax));
  }
  return result;
}

std::vector<std::int8_t> quantize_values(std::span<const float> values, const tensor::Quantization& q) {
  std::vector<std::int8_t> stored;
  stored.reserve(values.size());
  for (const float value : values) {
    stored.push_back(static_cast<std::int8_t>(rounded(double{value} / double{q.scale()} + q.zero_point(), -128, 127)));
  }
  return stored;
}

}  // namespace lichen::forge
