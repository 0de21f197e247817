// SPDX-License-Identifier: Apache-2.0
#include "protocol/contract.hpp"

#include <algorithm>
#include <cstring>

namespace lichen::protocol {

std::optional<std::uint32_t> Contract::rung_named(std::string_view name) const {
  const auto at = std::ranges::find(rung_names, name);
  if (at == rung_names.end()) return std::nullopt;
  return static_cast<std::uint32_t>(at - rung_names.begin());
}

std::optional<Ppm> confidence_of(const Contract& contract, ByteView output) {
  if (contract.output_kind != OutputKind::kProbabilities || contract.outputs.empty()) return std::nullopt;
  const tensor::TensorSpec& spec = contract.outputs.front();
  if (spec.dtype != tensor::DType::kF32 || output.size() < spec.bytes() || spec.bytes() == 0) return std::nullopt;
  float best = -1.0F;
  for (std::size_t at = 0; at < spec.bytes(); at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, output.data() + at, sizeof(float));
    if (value != value) return std::nullopt;
    best = std::max(best, value);
  }
  if (best < 0.0F || best > 1.001F) return std::nullopt;
  return static_cast<Ppm>(std::min(best, 1.0F) * static_cast<float>(kWholePpm));
}

std::optional<Ppm> confidence_of(const Contract& contract, std::uint32_t rung, ByteView output) {
  const std::optional<Ppm> raw = confidence_of(contract, output);
  if (!raw || rung >= contract.calibration.size()) return raw;
  return calibrated(contract.calibration[rung], *raw);
}

Ppm calibrated(std::span<const CalibrationPoint> points, Ppm confidence) {
  if (points.empty()) return confidence;
  if (confidence <= points.front().confidence) return points.front().accuracy;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const CalibrationPoint& low = points[i - 1];
    const CalibrationPoint& high = points[i];
    if (confidence > high.confidence) continue;
    const std::int64_t rise = std::int64_t{high.accuracy} - low.accuracy;
    return static_cast<Ppm>(low.accuracy + rise * (confidence - low.confidence) / (high.confidence - low.confidence));
  }
  return points.back().accuracy;
}

}  // namespace lichen::protocol
