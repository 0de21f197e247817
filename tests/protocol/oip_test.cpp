// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol codec: what it reads, what it refuses and in which words, what it writes.
#include "protocol/oip.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "malformed_requests.hpp"
#include "protocol/oip_data.hpp"

namespace lichen::protocol {
namespace {

using tensor::DType;
using ::testing::HasSubstr;

template <typename T>
T at(const Bytes& bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

ParsedInfer parsed(const std::string& body, std::optional<std::size_t> header = std::nullopt) {
  auto result = parse_infer(small_contract(), body, header);
  EXPECT_TRUE(result.has_value()) << result.error().to_line();
  return result.value_or(ParsedInfer{});
}

std::string raw_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST(OipParse, ReadsJsonTensorsIntoTheContractsOrder) {
  const ParsedInfer request = parsed(with_inputs(kGoodFlag + "," + kGoodMode + "," + kGoodImage));
  ASSERT_EQ(request.input.size(), 16U + 2U + 1U);
  EXPECT_EQ(at<float>(request.input, 12), 4.0F);
  EXPECT_EQ(at<std::int8_t>(request.input, 16), -128);
  EXPECT_EQ(at<std::int8_t>(request.input, 17), 127);
  EXPECT_EQ(at<std::uint8_t>(request.input, 18), 1);
}

TEST(OipParse, NestedAndFlatDataAreTheSame) {
  EXPECT_EQ(parsed(image_data("[[[1,2],[3,4]]]")).input, parsed(good_request()).input);
  EXPECT_EQ(parsed(image_data(" [ [ [ 1.0 , 2e0 ] , [ 30E-1 , 0.4e+1 ] ] ] ")).input, parsed(good_request()).input);
}

TEST(OipParse, MembersMayComeInAnyOrder) {
  const std::string body =
      R"({"outputs":[{"parameters":{"binary_data":true},"name":"count"}],"parameters":{"lichen_priority":7},"inputs":[)"
      R"({"data":[1,2,3,4],"datatype":"FP32","shape":[1,2,2],"name":"image"},)" +
      kGoodMode + "," + kGoodFlag + R"(],"id":"a\u00e9\ud83d\ude00\n"})";
  const ParsedInfer request = parsed(body);
  EXPECT_EQ(request.input, parsed(good_request()).input);
  EXPECT_EQ(request.id, "a\xC3\xA9\xF0\x9F\x98\x80\n");
  EXPECT_EQ(request.priority, 7);
  ASSERT_EQ(request.outputs.size(), 1U);
  EXPECT_EQ(request.outputs[0].index, 1U);
  EXPECT_TRUE(request.outputs[0].binary);
}

TEST(OipParse, ReadsBinaryTensorsInTheOrderOfTheInputs) {
  const std::string json =
      with_inputs(R"({"name":"flag","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1}},)" + kGoodMode +
                  R"(,{"name":"image","parameters":{"binary_data_size":16},"shape":[1,2,2],"datatype":"FP32"})");
  const ParsedInfer request = parsed(json + "\1" + raw_of({1, 2, 3, 4}), json.size());
  EXPECT_EQ(request.input, parsed(good_request()).input);
}

TEST(OipParse, BinaryFloatsMayBeNonFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::string json =
      with_image(R"({"name":"image","shape":[1,2,2],"datatype":"FP32","parameters":{"binary_data_size":16}})");
  const ParsedInfer request = parsed(json + raw_of({nan, -INFINITY, 0, 0}), json.size());
  EXPECT_TRUE(std::isnan(at<float>(request.input, 0)));
  EXPECT_TRUE(std::isinf(at<float>(request.input, 4)));
}

TEST(OipParse, ARawBodyIsTheOneInput) {
  Contract contract = small_contract();
  contract.inputs.resize(1);
  const auto request = parse_infer(contract, raw_of({1, 2, 3, 4}), 0);
  ASSERT_TRUE(request.has_value()) << request.error().to_line();
  EXPECT_EQ(at<float>(request->input, 8), 3.0F);
  EXPECT_TRUE(request->outputs[0].binary);
  EXPECT_FALSE(parse_infer(contract, raw_of({1, 2, 3}), 0).has_value());
}

TEST(OipParse, FP16TravelsOnlyInBinary) {
  Contract contract = small_contract();
  contract.inputs = {{"h", DType::kF16, {2}}};
  const auto json =
      parse_infer(contract, R"({"inputs":[{"name":"h","shape":[2],"datatype":"FP16","data":[1,2]}]})", std::nullopt);
  ASSERT_FALSE(json.has_value());
  EXPECT_EQ(json.error().code, Code::kUnsupported);
  const std::string head =
      R"({"inputs":[{"name":"h","shape":[2],"datatype":"FP16","parameters":{"binary_data_size":4}}]})";
  const std::string halves("\x00\x3C\x00\x40", 4);
  EXPECT_TRUE(parse_infer(contract, head + halves, head.size()).has_value());
}

TEST(OipParse, AllOutputsAreWantedWhenNoneIsNamed) {
  const ParsedInfer request = parsed(good_request(R"(,"parameters":{"binary_data_output":true})"));
  ASSERT_EQ(request.outputs.size(), 2U);
  EXPECT_TRUE(request.outputs[0].binary && request.outputs[1].binary);
  const ParsedInfer mixed = parsed(good_request(
      R"(,"parameters":{"binary_data_output":true},"outputs":[{"name":"count","parameters":{"binary_data":false}},{"name":"scores"}])"));
  EXPECT_FALSE(mixed.outputs[0].binary);
  EXPECT_EQ(mixed.outputs[0].index, 1U);
  EXPECT_TRUE(mixed.outputs[1].binary);
}

TEST(OipParse, ReadsLichensParametersAndIgnoresUnknownOnes) {
  const ParsedInfer request = parsed(good_request(
      R"(,"parameters":{"lichen_deadline_ms":12.5,"lichen_min_rung":"compact","sequence_id":9,"priority":1,"x":{"y":[null]}},"more":"x")"));
  EXPECT_EQ(request.deadline_ns, 12'500'000);
  EXPECT_EQ(request.min_rung, 1U);
  EXPECT_EQ(parsed(good_request(R"(,"parameters":{"lichen_min_rung":2})")).min_rung, 2U);
  EXPECT_EQ(parsed(good_request(R"(,"parameters":{"lichen_deadline_ms":1e300})")).deadline_ns,
            kDeadlineMsMax * kMillisecondNs);
  EXPECT_EQ(parsed(good_request(R"(,"parameters":{"lichen_deadline_ms":1e-300})")).deadline_ns, 1);
}

TEST(OipParse, ScalarsAndEmptyTensorsAreTensorsToo) {
  Contract contract = small_contract();
  contract.inputs = {{"s", DType::kI64, {}}, {"e", DType::kF32, {2, 0}}};
  const auto request =
      parse_infer(contract,
                  R"({"inputs":[{"name":"s","shape":[],"datatype":"INT64","data":[-9223372036854775808]},)"
                  R"({"name":"e","shape":[2,0],"datatype":"FP32","data":[[],[]]}]})",
                  std::nullopt);
  ASSERT_TRUE(request.has_value()) << request.error().to_line();
  EXPECT_EQ(at<std::int64_t>(request->input, 0), std::numeric_limits<std::int64_t>::min());
}

TEST(OipParse, ASmallBodyCannotAllocateALargeTensor) {
  Contract contract = small_contract();
  contract.inputs = {{"a", DType::kF32, {1}}, {"b", DType::kF32, {4096, 4096}}};
  const auto request =
      parse_infer(contract, R"({"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]}]})", std::nullopt);
  ASSERT_FALSE(request.has_value());
  EXPECT_THAT(request.error().to_line(), HasSubstr("too few for the 16777217 elements"));
}

TEST(OipParse, EveryMalformedRequestIsRefusedInWords) {
  const std::vector<Malformed> cases = all_malformed();
  EXPECT_GE(cases.size(), 80U);
  for (const Malformed& bad : cases) {
    const auto result = parse_infer(small_contract(), bad.body, bad.header_length);
    ASSERT_FALSE(result.has_value()) << bad.name;
    for (const std::string& word : bad.words) EXPECT_THAT(result.error().to_line(), HasSubstr(word)) << bad.name;
    EXPECT_FALSE(result.error().why.empty()) << bad.name;
  }
}

TEST(OipParse, EveryPrefixOfAGoodRequestIsRefused) {
  const std::string body = good_request(R"(,"id":"x","parameters":{"lichen_priority":1},"outputs":[{"name":"count"}])");
  ASSERT_TRUE(parse_infer(small_contract(), body, std::nullopt).has_value());
  for (std::size_t length = 0; length < body.size(); ++length) {
    EXPECT_FALSE(parse_infer(small_contract(), body.substr(0, length), std::nullopt).has_value()) << length;
  }
}

TEST(OipParse, DeadlineHeadersAreNumbersAboveZero) {
  EXPECT_EQ(parse_deadline_ms("12.5", "header").value_or(0), 12'500'000);
  for (const char* text : {"", "x", "5ms", "-1", "0", "nan", "inf", " 5"}) {
    EXPECT_FALSE(parse_deadline_ms(text, "header X-Lichen-Deadline-Ms").has_value()) << text;
  }
}

Bytes small_output() {
  Bytes bytes;
  ByteWriter writer(bytes);
  for (const float v : {0.1F, 0.25F, 1e-30F}) writer.put(v);
  writer.put(std::int64_t{-42});
  return bytes;
}
const std::vector<RequestedOutput> kBothJson = {{0, false}, {1, false}};

TEST(OipEncode, AnswersCarryLabelsAndNumbers) {
  const EncodedAnswer answer =
      encode_answer(small_contract(), "7\"", kBothJson, {1, "hung", 987'654, 1'234'567}, small_output());
  EXPECT_FALSE(answer.json_header_length.has_value());
  const Json json = Json::parse(answer.body);
  EXPECT_EQ(json["model_name"], "small");
  EXPECT_EQ(json["model_version"], "1");
  EXPECT_EQ(json["id"], "7\"");
  EXPECT_EQ(json["parameters"]["lichen_rung"], "compact");
  EXPECT_EQ(json["parameters"]["lichen_reason"], "hung");
  EXPECT_EQ(json["parameters"]["lichen_degraded"], true);
  EXPECT_EQ(json["parameters"]["lichen_confidence"], 0.987654);
  EXPECT_EQ(json["parameters"]["lichen_latency_us"], 1234);
  EXPECT_EQ(json["outputs"][0]["datatype"], "FP32");
  EXPECT_EQ(json["outputs"][0]["shape"], (std::vector<int>{1, 3}));
  EXPECT_EQ(json["outputs"][0]["data"].size(), 3U);
  EXPECT_EQ(json["outputs"][1]["data"][0], -42);
}

TEST(OipEncode, BinaryOutputsFollowTheJson) {
  const std::vector<RequestedOutput> wanted = {{1, true}, {0, true}};
  const EncodedAnswer answer =
      encode_answer(small_contract(), std::nullopt, wanted, {0, "best", std::nullopt, 0}, small_output());
  ASSERT_TRUE(answer.json_header_length.has_value());
  const Json json = Json::parse(answer.body.substr(0, *answer.json_header_length));
  EXPECT_EQ(json["outputs"][0]["parameters"]["binary_data_size"], 8);
  EXPECT_FALSE(json["outputs"][0].contains("data"));
  EXPECT_FALSE(json.contains("id"));
  EXPECT_EQ(json["parameters"]["lichen_degraded"], false);
  ASSERT_EQ(answer.body.size(), *answer.json_header_length + 20);
  float first = 0;
  std::memcpy(&first, answer.body.data() + *answer.json_header_length + 8, 4);
  EXPECT_EQ(first, 0.1F);
}

TEST(OipEncode, WhatJsonCannotSayBecomesNullAndIsCounted) {
  Bytes bytes;
  ByteWriter writer(bytes);
  for (const float v : {std::nanf(""), INFINITY, -0.0F}) writer.put(v);
  writer.put(std::int64_t{0});
  const Json json = Json::parse(encode_answer(small_contract(), std::nullopt, kBothJson, {}, bytes).body);
  EXPECT_TRUE(json["outputs"][0]["data"][0].is_null());
  EXPECT_TRUE(json["outputs"][0]["data"][1].is_null());
  EXPECT_TRUE(std::signbit(json["outputs"][0]["data"][2].get<float>()));
  EXPECT_EQ(json["outputs"][0]["parameters"]["lichen_non_finite"], 2);
}

TEST(OipEncode, ErrorsAreOneSentenceAndFiveFields) {
  const Json json =
      Json::parse(encode_error({Code::kBadInput, "bad request", "byte 5", "why \xFF", "do that"}, "overloaded"));
  EXPECT_THAT(json["error"].get<std::string>(), HasSubstr("bad request: byte 5: why"));
  EXPECT_EQ(json["lichen"]["code"], "bad_input");
  EXPECT_EQ(json["lichen"]["try"], "do that");
  EXPECT_EQ(json["lichen"]["reason"], "overloaded");
}

TEST(OipEncode, MetadataNamesTensorsInTheProtocolsTerms) {
  const Json model = Json::parse(encode_model_metadata(small_contract()));
  EXPECT_EQ(model["platform"], "lichen");
  EXPECT_EQ(model["versions"], Json::array({"1"}));
  EXPECT_EQ(model["inputs"][1], Json::parse(R"({"name":"mode","datatype":"INT8","shape":[2]})"));
  EXPECT_EQ(model["outputs"][1]["datatype"], "INT64");
  const Json server = Json::parse(encode_server_metadata("0.1.0"));
  EXPECT_EQ(server["name"], "lichen");
  EXPECT_EQ(server["extensions"][0], "binary_tensor_data");
}

}  // namespace
}  // namespace lichen::protocol
