// SPDX-License-Identifier: Apache-2.0
// What the engine's tests share: files, the shared data, seeded inputs, and comparison.
#pragma once

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "engine/session.hpp"

namespace lichen::testing {

inline std::filesystem::path source_dir() {
  return LICHEN_SOURCE_DIR;
}

// The models and data sets that the repository does not hold: $LICHEN_SHARED, or ../shared beside it; the folder
// `data`.
inline std::optional<std::filesystem::path> shared_data() {
  const char* named = std::getenv("LICHEN_SHARED");
  const std::filesystem::path root =
      named != nullptr ? std::filesystem::path(named) : source_dir().parent_path() / "shared";
  if (std::filesystem::exists(root / "data" / "models")) return root / "data";
  return std::nullopt;
}

#define LICHEN_NEED_SHARED_DATA(variable)                                                             \
  const auto variable##_found = ::lichen::testing::shared_data();                                     \
  if (!variable##_found)                                                                              \
    GTEST_SKIP() << "SKIPPED: no shared data (set LICHEN_SHARED to the folder that has data/models)"; \
  const std::filesystem::path variable = *variable##_found

inline Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

// The top byte of splitmix64 at a position of the stream of (sample, tensor); golden/make.py does the same.
inline std::uint8_t seeded_byte(std::size_t sample, std::size_t tensor, std::size_t at) {
  std::uint64_t x = (at + 1) * 0x9E3779B97F4A7C15ULL + sample * 1000003 + tensor * 7919;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  x ^= x >> 31;
  return static_cast<std::uint8_t>(x >> 56);
}

inline void fill_seeded(engine::Session& session, std::size_t sample, float low, float high) {
  for (std::size_t t = 0; t < session.inputs().size(); ++t) {
    const std::span<std::byte> to = session.input(t);
    if (session.inputs()[t].spec.dtype == tensor::DType::kF32) {
      const float step = (high - low) / 255.0F;
      for (std::size_t i = 0; i < to.size() / sizeof(float); ++i) {
        const float value = static_cast<float>(seeded_byte(sample, t, i)) * step + low;
        std::memcpy(to.data() + i * sizeof(float), &value, sizeof(float));
      }
    } else if (session.inputs()[t].spec.dtype == tensor::DType::kBool || session.inputs()[t].spec.dtype == tensor::DType::kI32) {
      const std::size_t size = size_of(session.inputs()[t].spec.dtype);  // 0 or 1: truths, and indices that most ops allow
      for (std::size_t i = 0; i < to.size(); ++i)
        to[i] = i % size == 0 ? static_cast<std::byte>(seeded_byte(sample, t, i / size) >> 7) : std::byte{0};
    } else {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<std::byte>(seeded_byte(sample, t, i));
    }
  }
}

// Bytes as the golden files have them. Standard alphabet, padded; anything else is a bug of the file.
inline Bytes bytes_of_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  Bytes bytes;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = kDigits.find(text[i]);
    LICHEN_ASSERT(digit != std::string_view::npos);
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 0) bytes.push_back(static_cast<std::byte>(bits >> (6 - i % 4 * 2)));
  }
  return bytes;
}

inline std::vector<float> floats_of(std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

// max|a - b| / max|b|.
inline double relative_difference(std::span<const float> a, std::span<const float> b) {
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return 1e9;
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return difference == 0 ? 0 : difference / largest;
}

}  // namespace lichen::testing
