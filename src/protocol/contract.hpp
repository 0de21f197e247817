// SPDX-License-Identifier: Apache-2.0
// The contract of a model: what all rungs of its ladder are asked and answer. Doors check requests against it, workers
// adapt it to their rung's own tensors.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/units.hpp"
#include "tensor/spec.hpp"

namespace lichen::protocol {

inline constexpr std::size_t kContractTensorsMax = 16;      // inputs or outputs
inline constexpr std::size_t kContractBytesMax = 64 << 20;  // of all inputs, or of all outputs

// What the numbers of the first output mean.
enum class OutputKind : std::uint8_t {
  kPlain,          // just numbers
  kProbabilities,  // f32, one row of class probabilities: the largest is the confidence
};

// What the elements of an output can be.
struct Range {
  bool finite = true;  // no NaN, no infinities
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

// How often a rung is right when it is so sure: measured on data that it was not trained on.
struct CalibrationPoint {
  Ppm confidence = 0;
  Ppm accuracy = 0;
};
inline constexpr std::size_t kCalibrationPointsMax = 32;

struct Contract {
  std::string model;    // [A-Za-z0-9._-]+, as in the URL
  std::string version;  // "1" unless told
  std::vector<tensor::TensorSpec> inputs;
  std::vector<tensor::TensorSpec> outputs;
  OutputKind output_kind = OutputKind::kPlain;
  std::vector<std::string> labels;      // of the classes; may be empty
  std::vector<Range> output_ranges;     // one an output, or none at all
  double tolerance = 0.05;              // of plain outputs of two rungs that say the same; of the largest magnitude
  // By rung, in growing order of confidence; straight lines between the points. Empty: confidences are taken as they are.
  std::vector<std::vector<CalibrationPoint>> calibration;
  std::vector<std::string> rung_names;  // best first, for requests that name a rung and for answers

  [[nodiscard]] std::size_t input_bytes() const { return tensor::bytes_of_all(inputs); }
  [[nodiscard]] std::size_t output_bytes() const { return tensor::bytes_of_all(outputs); }
  [[nodiscard]] std::optional<std::uint32_t> rung_named(std::string_view name) const;
};

// The confidence of an answer in parts per million, or nothing where the contract gives it no meaning (or it is NaN).
[[nodiscard]] std::optional<Ppm> confidence_of(const Contract& contract, ByteView output);
// The same, calibrated: how often this rung is right when it is so sure.
[[nodiscard]] std::optional<Ppm> confidence_of(const Contract& contract, std::uint32_t rung, ByteView output);
[[nodiscard]] Ppm calibrated(std::span<const CalibrationPoint> points, Ppm confidence);

}  // namespace lichen::protocol
