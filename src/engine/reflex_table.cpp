// SPDX-License-Identifier: Apache-2.0
#include "engine/reflex_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/crc32c.hpp"

namespace lichen::engine {
namespace {

constexpr std::string_view kMagic = "LICHENRX";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 8 + 4 * sizeof(std::uint32_t) + sizeof(float);
constexpr std::size_t kCrcBytes = sizeof(std::uint32_t);

struct Header {
  std::uint32_t kind = 0;
  std::size_t features = 0;
  std::size_t classes = 0;
  float temperature = 0;
};

std::unexpected<Error> refuse(std::string where, std::string why, Code code = Code::kBadInput) {
  return fail(code, "bad reflex table", std::move(where), std::move(why));
}

// The limits keep all of these products far below 2^64.
std::size_t numbers_of(const Header& header) {
  const bool linear = header.kind == static_cast<std::uint32_t>(ReflexKind::kLinear);
  return header.classes * header.features + (linear ? header.classes : 0);
}

Result<void> check_header(const Header& header) {
  if (header.kind != static_cast<std::uint32_t>(ReflexKind::kLinear) &&
      header.kind != static_cast<std::uint32_t>(ReflexKind::kCentroids))
    return refuse("kind", fmt::format("{} is not known", header.kind));
  if (header.features == 0 || header.features > kReflexFeaturesMax)
    return refuse("features", fmt::format("{} is not 1 to {}", header.features, kReflexFeaturesMax));
  if (header.classes == 0 || header.classes > kReflexClassesMax)
    return refuse("classes", fmt::format("{} is not 1 to {}", header.classes, kReflexClassesMax));
  if (!(header.temperature >= kReflexTemperatureMin && header.temperature <= kReflexTemperatureMax))
    return refuse("temperature",
                  fmt::format("{} is not {} to {}", header.temperature, kReflexTemperatureMin, kReflexTemperatureMax));
  const std::size_t bytes = kHeaderBytes + numbers_of(header) * sizeof(float) + kCrcBytes;
  if (bytes > kReflexFileBytesMax)
    return refuse("size", fmt::format("{} bytes; {} are taken", bytes, kReflexFileBytesMax), Code::kExhausted);
  return {};
}

Result<void> check_numbers(std::span<const float> numbers) {
  const auto bad = std::ranges::find_if_not(numbers, [](float value) { return std::isfinite(value); });
  if (bad == numbers.end()) return {};
  return refuse(fmt::format("number {}", bad - numbers.begin()), "not finite");
}

Result<Header> read_header(ByteReader& reader) {
  const ByteView magic = reader.get_bytes(kMagic.size());
  if (!reader.ok() || text_of(magic) != kMagic) return refuse("byte 0", "not a reflex table");
  const auto version = reader.get<std::uint32_t>();
  Header header;
  header.kind = reader.get<std::uint32_t>();
  header.features = reader.get<std::uint32_t>();
  header.classes = reader.get<std::uint32_t>();
  header.temperature = reader.get<float>();
  if (!reader.ok()) return refuse("header", "the file ends in it");
  if (version != kVersion)
    return refuse("version", fmt::format("{}; this program reads {}", version, kVersion), Code::kUnsupported);
  return header;
}

// Two independent sums of doubles: neither overflow of f32 products nor one long chain of additions.
double dot(const float* a, const float* b, std::size_t count) {
  double even = 0;
  double odd = 0;
  std::size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    even += double{a[i]} * double{b[i]};
    odd += double{a[i + 1]} * double{b[i + 1]};
  }
  if (i < count) even += double{a[i]} * double{b[i]};
  return even + odd;
}

double squared_distance(const float* a, const float* b, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double difference = double{a[i]} - double{b[i]};
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

ReflexTable::ReflexTable(ReflexKind kind, std::size_t features, std::size_t classes, float temperature,
                         std::vector<float> numbers)
    : kind_(kind),
      features_(features),
      classes_(classes),
      temperature_(temperature),
      numbers_(std::move(numbers)),
      input_(features),
      scores_(classes) {}

Result<ReflexTable> ReflexTable::parse(ByteView file, std::size_t features, std::size_t classes) {
  if (file.size() > kReflexFileBytesMax)
    return refuse("size", fmt::format("{} bytes; {} are taken", file.size(), kReflexFileBytesMax), Code::kExhausted);
  ByteReader reader(file);
  const Header header = LICHEN_TRY(read_header(reader));
  LICHEN_TRY(check_header(header));
  const std::size_t bytes = kHeaderBytes + numbers_of(header) * sizeof(float) + kCrcBytes;
  if (file.size() != bytes) return refuse("size", fmt::format("{} bytes where {} are needed", file.size(), bytes));
  ByteReader tail(file.last(kCrcBytes));
  if (tail.get<std::uint32_t>() != crc32c(file.first(file.size() - kCrcBytes)))
    return refuse("checksum", "the file is damaged", Code::kDataLoss);
  if (header.features != features || header.classes != classes)
    return refuse("contract", fmt::format("it is for {} inputs and {} classes, the contract for {} and {}",
                                          header.features, header.classes, features, classes));
  std::vector<float> numbers(numbers_of(header));
  const ByteView stored = reader.get_bytes(numbers.size() * sizeof(float));
  std::memcpy(numbers.data(), stored.data(), stored.size());
  LICHEN_TRY(check_numbers(numbers));
  return ReflexTable(static_cast<ReflexKind>(header.kind), features, classes, header.temperature, std::move(numbers));
}

Result<ReflexTable> ReflexTable::create(ReflexKind kind, std::size_t features, std::size_t classes, float temperature,
                                        std::vector<float> numbers) {
  const Header header{static_cast<std::uint32_t>(kind), features, classes, temperature};
  LICHEN_TRY(check_header(header));
  if (numbers.size() != numbers_of(header))
    return refuse("numbers", fmt::format("{} where {} are needed", numbers.size(), numbers_of(header)));
  LICHEN_TRY(check_numbers(numbers));
  return ReflexTable(kind, features, classes, temperature, std::move(numbers));
}

Bytes ReflexTable::serialize() const {
  Bytes file;
  ByteWriter writer(file);
  writer.put_bytes(bytes_of(kMagic));
  writer.put(kVersion);
  writer.put(static_cast<std::uint32_t>(kind_));
  writer.put(static_cast<std::uint32_t>(features_));
  writer.put(static_cast<std::uint32_t>(classes_));
  writer.put(temperature_);
  writer.put_bytes(std::as_bytes(std::span(numbers_)));
  writer.put(crc32c(file));
  return file;
}

bool ReflexTable::evaluate(ByteView input, std::span<std::byte> output) {
  if (output.size() != classes_ * sizeof(float) || !load(input)) return false;
  score();
  softmax(output);
  return true;
}

bool ReflexTable::load(ByteView input) {
  if (input.size() != features_ * sizeof(float)) return false;
  std::memcpy(input_.data(), input.data(), input.size());
  return std::ranges::all_of(input_, [](float value) { return std::isfinite(value); });
}

void ReflexTable::score() {
  const float* const bias = numbers_.data() + classes_ * features_;
  for (std::size_t c = 0; c < classes_; ++c) {
    const float* const row = numbers_.data() + c * features_;
    scores_[c] = kind_ == ReflexKind::kLinear ? dot(row, input_.data(), features_) + double{bias[c]}
                                              : -squared_distance(row, input_.data(), features_);
  }
}

void ReflexTable::softmax(std::span<std::byte> output) {
  // Finite numbers in f32 give finite scores in double, so the largest share is exp(0) and the sum at least 1.
  const double largest = *std::ranges::max_element(scores_);
  double sum = 0;
  for (double& score : scores_) {
    score = std::exp((score - largest) / double{temperature_});
    sum += score;
  }
  for (std::size_t c = 0; c < classes_; ++c) {
    const auto probability = static_cast<float>(scores_[c] / sum);
    std::memcpy(output.data() + c * sizeof(float), &probability, sizeof probability);
  }
}

}  // namespace lichen::engine
