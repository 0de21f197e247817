// SPDX-License-Identifier: Apache-2.0
// Properties of the codec over many seeded cases: what is printed reads back bit for bit, and numbers are rounded as
// the C++ library rounds them.
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "base/mix.hpp"
#include "protocol/json_number.hpp"
#include "protocol/oip.hpp"
#include "protocol/oip_data.hpp"

namespace lichen::protocol {
namespace {

using tensor::DType;

constexpr DType kJsonDTypes[] = {DType::kF32, DType::kI8,  DType::kU8,  DType::kI16,
                                 DType::kI32, DType::kI64, DType::kBool};

// Random finite elements of the type.
Bytes random_data(SplitMix64& random, const tensor::TensorSpec& spec) {
  Bytes data(spec.bytes());
  for (std::byte& b : data) b = static_cast<std::byte>(random.next());
  if (spec.dtype == DType::kBool) {
    for (std::byte& b : data) b &= std::byte{1};
  }
  for (std::size_t i = 0; spec.dtype == DType::kF32 && i < data.size(); i += 4) {
    float value = 0;
    std::memcpy(&value, data.data() + i, 4);
    if (!std::isfinite(value)) value = static_cast<float>(random.below(1000)) / 7;
    std::memcpy(data.data() + i, &value, 4);
  }
  return data;
}

tensor::TensorSpec random_spec(SplitMix64& random, std::string name) {
  std::vector<std::int64_t> dims(random.below(4));
  for (std::int64_t& d : dims) d = static_cast<std::int64_t>(random.below(4)) + 1;
  return {std::move(name), kJsonDTypes[random.below(std::size(kJsonDTypes))], tensor::Shape(dims)};
}

// A contract whose outputs are its inputs: an answer to it, with "outputs" renamed, is a request to it.
Contract random_contract(SplitMix64& random) {
  Contract contract;
  contract.model = "echo";
  contract.version = "1";
  for (std::size_t i = 0, n = 1 + random.below(4); i < n; ++i) {
    contract.inputs.push_back(random_spec(random, fmt::format("t{}", i)));
  }
  contract.outputs = contract.inputs;
  return contract;
}

TEST(OipProperty, WhatIsEncodedReadsBackBitForBitInBothForms) {
  SplitMix64 random(1);
  for (int round = 0; round < 3000; ++round) {
    const Contract contract = random_contract(random);
    Bytes data;
    for (const auto& spec : contract.inputs) {
      const Bytes part = random_data(random, spec);
      data.insert(data.end(), part.begin(), part.end());
    }
    std::vector<RequestedOutput> wanted;
    for (std::uint32_t i = 0; i < contract.outputs.size(); ++i) wanted.push_back({i, random.chance(500'000)});
    if (random.chance(500'000)) std::ranges::reverse(wanted);
    EncodedAnswer answer = encode_answer(contract, "id", wanted, {0, "best", 500'000, 0}, data);
    const std::size_t key = answer.body.find("\"outputs\"");
    answer.body.replace(key, 9, "\"inputs\"");
    if (answer.json_header_length) --*answer.json_header_length;
    const auto request = parse_infer(contract, answer.body, answer.json_header_length);
    ASSERT_TRUE(request.has_value()) << request.error().to_line() << "\n" << answer.body;
    ASSERT_EQ(request->input, data) << round;
  }
}

bool read(const JsonNumber& number, float& value) {
  return to_float(number, value);
}
bool read(const JsonNumber& number, double& value) {
  return to_double(number, value);
}
void read_by_library(const char* text, float& value) {
  value = std::strtof(text, nullptr);
}
void read_by_library(const char* text, double& value) {
  value = std::strtod(text, nullptr);
}

template <typename Float>
void expect_library_rounding(const std::string& text) {
  JsonNumber number;
  ASSERT_TRUE(scan_number(text.data(), text.data() + text.size(), number)) << text;
  ASSERT_EQ(number.token, text);
  Float ours = 0;
  Float library = 0;
  const bool fits = read(number, ours);
  read_by_library(text.c_str(), library);
  ASSERT_EQ(fits, std::isfinite(library)) << text;
  const bool same = std::memcmp(&ours, &library, sizeof(Float)) == 0;
  ASSERT_TRUE(!fits || same) << text << " " << ours << " " << library;
}

TEST(OipProperty, DecimalsAreRoundedCorrectly) {
  SplitMix64 random(2);
  for (int round = 0; round < 200'000; ++round) {
    const std::uint64_t digits = random.next() >> random.below(64);
    const auto exponent = static_cast<int>(random.below(100)) - 60;
    const std::string sign = random.chance(500'000) ? "-" : "";
    expect_library_rounding<float>(fmt::format("{}{}e{}", sign, digits, exponent));
    expect_library_rounding<float>(fmt::format("{}{}.{}", sign, digits >> 32, digits & 0xFFFFFF));
    expect_library_rounding<double>(fmt::format("{}{}e{}", sign, digits, exponent * 5));
  }
}

TEST(OipProperty, HalfwayCasesBetweenFloatsAreRoundedCorrectly) {
  SplitMix64 random(3);
  for (int round = 0; round < 100'000; ++round) {
    const auto bits = static_cast<std::uint32_t>(random.below(0x7F000000));
    const double low = std::bit_cast<float>(bits);
    const double high = std::bit_cast<float>(bits + 1);
    const std::string halfway = fmt::format("{:.60f}", (low + high) / 2);  // exact for the larger ones
    expect_library_rounding<float>(halfway);
    expect_library_rounding<float>(halfway + "1");
    expect_library_rounding<float>(fmt::format("{:.17g}", (low + high) / 2));
  }
}

TEST(OipProperty, ExtremesRoundAsTheLibraryRoundsThem) {
  for (const char* text :
       {"0", "-0", "0.0e5", "-0e-999999999999", "3.4028234663852886e38", "3.4028235677973366e38",
        "3.4028235677973367e38", "1e-45", "7e-46", "7.1e-46", "1e-400", "1e400", "-1e999999999999999999",
        "1e-999999999999999999", "0.00000000000000000000000000000000000000000000000000000000000000000000001e70",
        "16777217", "9007199254740993", "123456789012345678901234567890",
        "0.000000000000000000000000000000000000000000000007006492321624085"}) {
    expect_library_rounding<float>(text);
    expect_library_rounding<double>(text);
  }
  expect_library_rounding<float>("1" + std::string(400, '0') + "e-400");
  expect_library_rounding<float>("0." + std::string(400, '0') + "1e401");
}

TEST(OipProperty, DamagedRequestsNeverParseIntoWrongSizes) {
  SplitMix64 random(4);
  for (int round = 0; round < 20'000; ++round) {
    const Contract contract = random_contract(random);
    Bytes data(contract.input_bytes());
    std::vector<RequestedOutput> wanted;
    for (std::uint32_t i = 0; i < contract.outputs.size(); ++i) wanted.push_back({i, random.chance(500'000)});
    EncodedAnswer answer = encode_answer(contract, std::nullopt, wanted, {}, data);
    answer.body.replace(answer.body.find("\"outputs\""), 9, "\"inputs\"");
    if (answer.json_header_length) --*answer.json_header_length;
    for (std::uint64_t i = 0, n = 1 + random.below(3); i < n; ++i) {
      answer.body[random.below(answer.body.size())] = static_cast<char>(random.next());
    }
    const auto request = parse_infer(contract, answer.body, answer.json_header_length);
    ASSERT_TRUE(!request || request->input.size() == contract.input_bytes());
  }
}

}  // namespace
}  // namespace lichen::protocol
