// SPDX-License-Identifier: Apache-2.0
// The reflex rung of a classifier: a linear map or a list of class centroids over f32 inputs, in a small file that is
// read without a parser and evaluated in the agent itself. Everything is checked when the file is read; evaluating then
// cannot fail but for inputs that are not numbers.
//
// The file, little-endian: magic "LICHENRX" (8 bytes), version u32 = 1, kind u32 (1 linear, 2 centroids), features u32,
// classes u32, temperature f32, numbers f32[...], CRC-32C u32 of all before it. The numbers are weights
// [classes, features] then bias [classes], or centroids [classes, features]. The length must be exactly that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "ports/reflex.hpp"

namespace lichen::engine {

inline constexpr std::uint32_t kReflexFeaturesMax = 65'536;
inline constexpr std::uint32_t kReflexClassesMax = 1'024;
inline constexpr std::size_t kReflexFileBytesMax = std::size_t{16} << 20;
inline constexpr float kReflexTemperatureMin = 1e-6F;
inline constexpr float kReflexTemperatureMax = 1e6F;

enum class ReflexKind : std::uint32_t {
  kLinear = 1,     // score = weights . input + bias
  kCentroids = 2,  // score = -|input - centroid|^2
};

class ReflexTable final : public ports::Reflex {
 public:
  // `features` and `classes` are what the contract says: the input's and the output's elements. kBadInput: not such a
  // file, or for another contract; kDataLoss: damaged; kExhausted: larger than the limits; kUnsupported: a newer
  // version.
  static Result<ReflexTable> parse(ByteView file, std::size_t features, std::size_t classes);

  // From fitted numbers, as in the file. The temperature divides the scores before the softmax: the larger, the less
  // sure. kBadInput or kExhausted if parse() would refuse the file.
  static Result<ReflexTable> create(ReflexKind kind, std::size_t features, std::size_t classes, float temperature,
                                    std::vector<float> numbers);

  [[nodiscard]] Bytes serialize() const;

  // `input` is f32[features], `output` f32[classes]: the softmax of the scores, which sums to 1. False if the sizes are
  // others or an input is not finite. classes * features multiplications in double. Not thread-safe.
  [[nodiscard]] bool evaluate(ByteView input, std::span<std::byte> output) override;

  [[nodiscard]] ReflexKind kind() const { return kind_; }
  [[nodiscard]] std::size_t features() const { return features_; }
  [[nodiscard]] std::size_t classes() const { return classes_; }
  [[nodiscard]] float temperature() const { return temperature_; }

 private:
  ReflexTable(ReflexKind kind, std::size_t features, std::size_t classes, float temperature,
              std::vector<float> numbers);
  [[nodiscard]] bool load(ByteView input);
  void score();
  void softmax(std::span<std::byte> output);

  ReflexKind kind_;
  std::size_t features_;
  std::size_t classes_;
  float temperature_;
  std::vector<float> numbers_;
  std::vector<float> input_;  // aligned and checked
  std::vector<double> scores_;
};

}  // namespace lichen::engine
