// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <array>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/assert.hpp"

namespace lichen {
namespace {

constexpr std::array kCodes = {Code::kBadInput,         Code::kNotFound,    Code::kUnsupported, Code::kExhausted,
                               Code::kDeadlineExceeded, Code::kUnavailable, Code::kDataLoss,    Code::kIo,
                               Code::kInternal};

TEST(Error, IsOneLineWithWhatWhereWhyAndTry) {
  const Error error{Code::kBadInput, "cannot load model", "digits.tflite, byte 480", "scale is NaN",
                    "re-export the model"};
  EXPECT_EQ(error.to_line(), "cannot load model: digits.tflite, byte 480: scale is NaN; re-export the model");
}

TEST(Error, LeavesEmptyFieldsOutOfTheLine) {
  EXPECT_EQ((Error{Code::kIo, "cannot write", "", "disk full", ""}.to_line()), "cannot write: disk full");
  EXPECT_EQ((Error{Code::kIo, "cannot write", "", "", "free some space"}.to_line()), "cannot write; free some space");
  EXPECT_EQ((Error{Code::kIo, "cannot write", "", "", ""}.to_line()), "cannot write");
}

TEST(Error, HasAStableNameOfItsOwnForEveryCode) {
  std::set<std::string_view> names;
  for (const Code code : kCodes) names.insert(name_of(code));
  EXPECT_EQ(names.size(), kCodes.size());
  EXPECT_EQ(name_of(Code::kBadInput), "bad_input");
  EXPECT_EQ(name_of(Code::kDeadlineExceeded), "deadline_exceeded");
}

TEST(Error, MapsBadInputToExitCode3AndUnsupportedTo4AndTheRestTo1) {
  for (const Code code : kCodes) {
    int expected = 1;
    if (code == Code::kBadInput || code == Code::kNotFound || code == Code::kDataLoss) expected = 3;
    if (code == Code::kUnsupported) expected = 4;
    EXPECT_EQ(exit_code_of(code), expected) << name_of(code);
  }
}

Result<std::unique_ptr<int>> number_or(Code code, bool good) {
  if (!good) return fail(code, "no number");
  return std::make_unique<int>(41);
}

Result<int> plus_one(bool good) {
  const auto number = LICHEN_TRY(number_or(Code::kNotFound, good));
  return *number + 1;
}

Result<void> check(bool good) {
  LICHEN_TRY(good ? Result<void>() : fail(Code::kUnavailable, "not now"));
  return {};
}

TEST(LichenTry, GivesTheValueEvenWhenItCanOnlyBeMoved) {
  EXPECT_EQ(plus_one(true).value(), 42);
}

TEST(LichenTry, ReturnsTheErrorToTheCaller) {
  const auto result = plus_one(false);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kNotFound);
  EXPECT_EQ(result.error().what, "no number");
}

TEST(LichenTry, WorksForAResultWithoutAValue) {
  EXPECT_TRUE(check(true));
  ASSERT_FALSE(check(false));
  EXPECT_EQ(check(false).error().code, Code::kUnavailable);
}

TEST(LichenAssertDeathTest, AbortsWithTheExpressionAndThePlaceInEveryBuildType) {
  EXPECT_DEATH(LICHEN_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3 at .*error_test\\.cpp:[0-9]+");
}

TEST(LichenAssert, DoesNothingWhenItHolds) {
  LICHEN_ASSERT(1 + 1 == 2);
}

}  // namespace
}  // namespace lichen
