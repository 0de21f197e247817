// SPDX-License-Identifier: Apache-2.0
#include "protocol/judge.hpp"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace lichen::protocol {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
ByteView bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

Contract of(OutputKind kind, tensor::DType dtype = tensor::DType::kF32) {
  Contract contract;
  contract.outputs = {{.name = "y", .dtype = dtype, .shape = {1, 3}}};
  contract.output_kind = kind;
  contract.tolerance = 0.1;
  return contract;
}

TEST(ContractJudge, WhatIsNotFiniteCannotBeRight) {
  const Contract contract = of(OutputKind::kPlain);
  const ContractJudge judge(contract);
  EXPECT_TRUE(judge.plausible(bytes<float>({1, -2, 3e30F})));
  EXPECT_FALSE(judge.plausible(bytes<float>({1, kNan, 3})));
  EXPECT_FALSE(judge.plausible(bytes<float>({1, 2, -kInfinity})));
}

TEST(ContractJudge, AContractMayAllowWhatIsNotFinite) {
  Contract contract = of(OutputKind::kPlain);
  contract.output_ranges = {{.finite = false}};
  EXPECT_TRUE(ContractJudge(contract).plausible(bytes<float>({kNan, kInfinity, 3})));
}

TEST(ContractJudge, WhatIsOutOfItsRangeCannotBeRight) {
  Contract contract = of(OutputKind::kPlain, tensor::DType::kI8);
  contract.output_ranges = {{.finite = true, .min = -3, .max = 100}};
  const ContractJudge judge(contract);
  EXPECT_TRUE(judge.plausible(bytes<std::int8_t>({-3, 0, 100})));
  EXPECT_FALSE(judge.plausible(bytes<std::int8_t>({-4, 0, 100})));
  EXPECT_FALSE(judge.plausible(bytes<std::int8_t>({-3, 0, 101})));
}

TEST(ContractJudge, AnAnswerOfAnotherSizeCannotBeRight) {
  const Contract contract = of(OutputKind::kPlain);
  EXPECT_FALSE(ContractJudge(contract).plausible(bytes<float>({1, 2})));
}

TEST(ContractJudge, ASecondOutputIsLookedAtToo) {
  Contract contract = of(OutputKind::kPlain);
  contract.outputs.push_back({.name = "z", .dtype = tensor::DType::kF16, .shape = {1}});
  std::vector<std::byte> output(14);
  EXPECT_TRUE(ContractJudge(contract).plausible(output));
  output[13] = std::byte{0x7C};  // infinity
  EXPECT_FALSE(ContractJudge(contract).plausible(output));
}

TEST(ContractJudge, ProbabilitiesAgreeIfTheClassIsTheSame) {
  const Contract contract = of(OutputKind::kProbabilities);
  const ContractJudge judge(contract);
  EXPECT_TRUE(judge.agree(bytes<float>({0.1F, 0.5F, 0.4F}), bytes<float>({0.0F, 1.0F, 0.0F})));
  EXPECT_FALSE(judge.agree(bytes<float>({0.1F, 0.5F, 0.4F}), bytes<float>({0.1F, 0.4F, 0.5F})));
}

TEST(ContractJudge, NumbersAgreeWithinAShareOfTheLargest) {
  const Contract contract = of(OutputKind::kPlain);
  const ContractJudge judge(contract);
  EXPECT_TRUE(judge.agree(bytes<float>({0, 10, -5}), bytes<float>({1, 9, -5})));
  EXPECT_FALSE(judge.agree(bytes<float>({0, 10, -5}), bytes<float>({1.2F, 10, -5})));
}

TEST(ContractJudge, AgreementNeedsNoOrder) {
  const Contract contract = of(OutputKind::kPlain);
  const ContractJudge judge(contract);
  const std::vector<float> small = {0, 1, 0};
  const std::vector<float> large = {0, 1.1F, 0};
  EXPECT_EQ(judge.agree(bytes(small), bytes(large)), judge.agree(bytes(large), bytes(small)));
}

TEST(Calibration, IsLinearBetweenItsPointsAndFlatBeyond) {
  const std::vector<CalibrationPoint> points = {{200'000, 100'000}, {600'000, 500'000}, {800'000, 400'000}};
  EXPECT_EQ(calibrated(points, 0), 100'000);
  EXPECT_EQ(calibrated(points, 200'000), 100'000);
  EXPECT_EQ(calibrated(points, 400'000), 300'000);
  EXPECT_EQ(calibrated(points, 700'000), 450'000);
  EXPECT_EQ(calibrated(points, 1'000'000), 400'000);
  EXPECT_EQ(calibrated({}, 123'456), 123'456);
}

TEST(Calibration, IsThatOfTheRungThatAnswered) {
  Contract contract = of(OutputKind::kProbabilities);
  contract.calibration = {{}, {{0, 0}, {1'000'000, 500'000}}};
  const std::vector<float> answer = {0.25F, 0.75F, 0};
  EXPECT_EQ(confidence_of(contract, 0, bytes(answer)), 750'000);
  EXPECT_EQ(confidence_of(contract, 1, bytes(answer)), 375'000);
  EXPECT_EQ(confidence_of(contract, 7, bytes(answer)), 750'000);
}

}  // namespace
}  // namespace lichen::protocol
