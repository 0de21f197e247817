// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <string>

#include <gtest/gtest.h>

namespace lichen {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

Error error_of(std::string_view text) {
  const auto result = parse_json(text, "request body");
  EXPECT_FALSE(result) << text;
  return result ? Error{} : result.error();
}

TEST(Json, ReadsADocument) {
  const auto json = parse_json(R"({"inputs": [1, 2.5, "x"]})", "request body");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["inputs"][2], "x");
}

TEST(Json, ReadsADocumentNestedAsDeepAsTheLimit) {
  EXPECT_TRUE(parse_json(nested(kJsonDepthMax), "x"));
}

TEST(Json, RefusesADocumentNestedOneDeeperThanTheLimitAndNamesTheByte) {
  const Error error = error_of(nested(kJsonDepthMax + 1));
  EXPECT_EQ(error.code, Code::kBadInput);
  EXPECT_EQ(error.where, "request body, byte 32");
  EXPECT_EQ(error.why, "nested deeper than 32");
}

TEST(Json, RefusesAMillionOpenBracketsWithoutRecursing) {
  EXPECT_EQ(error_of(std::string(1'000'000, '[')).why, "nested deeper than 32");
}

TEST(Json, CountsObjectsAndArraysTogether) {
  EXPECT_TRUE(parse_json(R"({"a": [{}]})", "x", 3));
  EXPECT_FALSE(parse_json(R"({"a": [{}]})", "x", 2));
}

TEST(Json, DoesNotCountBracketsInsideStrings) {
  EXPECT_TRUE(parse_json("\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"", "x"));
}

TEST(Json, DoesNotCountClosedBracketsAsDepth) {
  EXPECT_TRUE(parse_json("[[],[],[],[]]", "x", 2));
}

TEST(Json, NamesTheByteAtWhichADocumentBreaks) {
  const Error error = error_of(R"({"a": nope})");
  EXPECT_EQ(error.code, Code::kBadInput);
  EXPECT_EQ(error.where, "request body, byte 7");
  EXPECT_EQ(error.why, "not valid JSON from here");
}

TEST(Json, SaysThatADocumentEndsTooEarly) {
  EXPECT_EQ(error_of(R"({"a": [1, 2)").why, "it ends too early");
}

TEST(Json, SaysThatADocumentIsEmpty) {
  EXPECT_EQ(error_of("").why, "it is empty");
}

TEST(Json, RefusesASecondDocumentAfterTheFirst) {
  EXPECT_EQ(error_of("{} {}").code, Code::kBadInput);
}

TEST(Json, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(error_of("\"\xC3\x28\"").code, Code::kBadInput);
}

TEST(Json, RefusesANumberThatIsTooLargeForADouble) {
  EXPECT_EQ(error_of("1e999").code, Code::kBadInput);
}

TEST(Json, ShowsAnErrorWithTheSameFiveFieldsAsTheCommandLine) {
  const Json json = to_json(Error{Code::kExhausted, "queue is full", "model digits", "64 are waiting", "try later"});
  EXPECT_EQ(json, Json::parse(R"({"code": "exhausted", "what": "queue is full", "where": "model digits",
                                  "why": "64 are waiting", "try": "try later"})"));
}

}  // namespace
}  // namespace lichen
