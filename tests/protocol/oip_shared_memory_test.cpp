// SPDX-License-Identifier: Apache-2.0
// Tensors in shared memory: how requests name them, what answers say, and what is refused.
#include "protocol/oip_shared_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "malformed_requests.hpp"
#include "protocol/oip.hpp"

namespace lichen::protocol {
namespace {

using ::testing::HasSubstr;

std::string shared_image(const std::string& parameters) {
  return with_image(R"({"name":"image","shape":[1,2,2],"datatype":"FP32","parameters":{)" + parameters + "}}");
}
const std::string kGoodPlace = R"("shared_memory_region":"in","shared_memory_byte_size":16,"shared_memory_offset":32)";

std::string with_output(const std::string& parameters) {
  return good_request(R"(,"outputs":[{"name":"scores","parameters":{)" + parameters + "}},{\"name\":\"count\"}]");
}

TEST(OipSharedMemory, AnInputThereIsNamedAndTheOthersAreRead) {
  const auto request = parse_infer(small_contract(), shared_image(kGoodPlace), std::nullopt);
  ASSERT_TRUE(request.has_value()) << request.error().to_line();
  ASSERT_EQ(request->shared_inputs.size(), 1u);
  const SharedInput& input = request->shared_inputs[0];
  EXPECT_EQ(input.index, 0u);
  EXPECT_EQ(input.place.region, "in");
  EXPECT_EQ(input.place.offset, 32u);
  EXPECT_EQ(input.place.bytes, 16u);
  ASSERT_EQ(request->input.size(), small_contract().input_bytes());
  EXPECT_EQ(static_cast<int>(request->input[17]), 127);
}

TEST(OipSharedMemory, ARequestWhoseInputsAreAllThereTakesNoMemory) {
  Contract contract = small_contract();
  contract.inputs = {{"huge", tensor::DType::kF32, {1, 1'000'000}}};
  const auto request = parse_infer(
      contract,
      R"({"inputs":[{"name":"huge","shape":[1,1000000],"datatype":"FP32",
          "parameters":{"shared_memory_region":"r","shared_memory_byte_size":4000000}}]})",
      std::nullopt);
  ASSERT_TRUE(request.has_value()) << request.error().to_line();
  EXPECT_TRUE(request->input.empty());
  EXPECT_EQ(request->shared_inputs[0].place.offset, 0u);
}

TEST(OipSharedMemory, BadPlacesAreRefusedInWords) {
  const std::pair<std::string, const char*> cases[] = {
      {R"("shared_memory_region":"in")", "go together"},
      {R"("shared_memory_byte_size":16)", "go together"},
      {R"("shared_memory_region":"in","shared_memory_byte_size":15)", "15 instead of 16"},
      {R"("shared_memory_region":"in","shared_memory_byte_size":-16)", "negative"},
      {R"("shared_memory_region":"in","shared_memory_byte_size":16,"shared_memory_offset":-1)", "negative"},
      {R"("shared_memory_region":5,"shared_memory_byte_size":16)", "byte"},
      {R"("shared_memory_region":"a","shared_memory_region":"b","shared_memory_byte_size":16)", "twice"},
      {R"("binary_data_size":16,)" + kGoodPlace, "both in shared memory and in the body"},
  };
  for (const auto& [parameters, words] : cases) {
    const auto request = parse_infer(small_contract(), shared_image(parameters), std::nullopt);
    ASSERT_FALSE(request.has_value()) << parameters;
    EXPECT_EQ(request.error().code, Code::kBadInput) << parameters;
    EXPECT_THAT(request.error().to_line(), HasSubstr(words));
  }
  const auto both = parse_infer(
      small_contract(),
      with_image(R"({"name":"image","shape":[1,2,2],"datatype":"FP32","data":[1,2,3,4],"parameters":{)" + kGoodPlace +
                 "}}"),
      std::nullopt);
  EXPECT_FALSE(both.has_value());
}

TEST(OipSharedMemory, AnOutputThereIsNotInTheAnswer) {
  const Contract contract = small_contract();
  const auto request = parse_infer(
      contract, with_output(R"("binary_data":true,"shared_memory_region":"out","shared_memory_byte_size":100)"),
      std::nullopt);
  ASSERT_TRUE(request.has_value()) << request.error().to_line();
  ASSERT_TRUE(request->outputs[0].shared.has_value());
  EXPECT_FALSE(request->outputs[1].shared.has_value());
  const EncodedAnswer answer = encode_answer(contract, {}, request->outputs, {}, Bytes(contract.output_bytes()));
  EXPECT_FALSE(answer.json_header_length.has_value()) << "no binary data follows";
  const Json output = Json::parse(answer.body)["outputs"][0];
  EXPECT_FALSE(output.contains("data"));
  EXPECT_EQ(output["parameters"], (Json{{"shared_memory_region", "out"},
                                        {"shared_memory_byte_size", 12},
                                        {"shared_memory_offset", 0}}));
}

TEST(OipSharedMemory, AnOutputNeedsRoomThere) {
  const auto request = parse_infer(
      small_contract(), with_output(R"("shared_memory_region":"out","shared_memory_byte_size":11)"), std::nullopt);
  ASSERT_FALSE(request.has_value());
  EXPECT_THAT(request.error().to_line(), HasSubstr("less than 12"));
  EXPECT_FALSE(
      parse_infer(small_contract(), with_output(R"("shared_memory_region":"out")"), std::nullopt).has_value());
}

TEST(OipSharedMemory, RegionsAreRegisteredByKeyAndSize) {
  const auto region = parse_region_request(R"({"x":[],"key":"/k","offset":8,"byte_size":100})");
  ASSERT_TRUE(region.has_value()) << region.error().to_line();
  EXPECT_EQ(region->key, "/k");
  EXPECT_EQ(region->offset, 8u);
  EXPECT_EQ(region->bytes, 100u);
  for (const char* bad : {"", "[]", "{}", R"({"key":"/k"})", R"({"key":"/k","byte_size":0})", R"({"byte_size":1})",
                          R"({"key":"/k","byte_size":-1})", R"({"key":"/k","byte_size":1,"offset":-1})",
                          R"({"key":1,"byte_size":1})", R"({"key":"/k","byte_size":1}x)",
                          R"({"key":"/k","byte_size":9223372036854775807,"offset":1})"}) {
    const auto refused = parse_region_request(bad);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_EQ(refused.error().code, Code::kBadInput);
  }
}

}  // namespace
}  // namespace lichen::protocol
