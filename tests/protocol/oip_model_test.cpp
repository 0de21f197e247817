// SPDX-License-Identifier: Apache-2.0
// The extensions that are about models: what clients of other servers read is there, and bad requests are told why.
#include "protocol/oip_model.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "malformed_requests.hpp"

namespace lichen::protocol {
namespace {

TEST(OipModel, TheConfigurationHasTritonsFormAndTheContractsTensors) {
  const Contract contract = small_contract();
  const Json config = Json::parse(encode_model_config(contract));
  EXPECT_EQ(config["name"], contract.model);
  EXPECT_EQ(config["max_batch_size"], 0);
  ASSERT_EQ(config["input"].size(), contract.inputs.size());
  for (std::size_t i = 0; i < contract.inputs.size(); ++i) {
    EXPECT_EQ(config["input"][i]["name"], contract.inputs[i].name);
    EXPECT_EQ(config["input"][i]["data_type"].get<std::string>().substr(0, 5), "TYPE_");
    EXPECT_EQ(config["input"][i]["dims"].size(), contract.inputs[i].shape.rank());
  }
  EXPECT_EQ(config["output"].size(), contract.outputs.size());
}

TEST(OipModel, StatisticsAddUp) {
  const Contract contract = small_contract();
  ModelStatistics statistics;
  const Json none = Json::parse(encode_statistics({&contract, 1}, {&statistics, 1}));
  EXPECT_EQ(none["model_stats"][0]["inference_count"], 0);
  EXPECT_TRUE(none["model_stats"][0]["batch_stats"].empty());
  statistics.success.add(10);
  statistics.success.add(20);
  statistics.fail.add(5);
  statistics.compute_infer.add(7);
  statistics.executions = 3;
  const Json all = Json::parse(encode_statistics({&contract, 1}, {&statistics, 1}))["model_stats"][0];
  EXPECT_EQ(all["inference_count"], 2);
  EXPECT_EQ(all["execution_count"], 3);
  EXPECT_EQ(all["inference_stats"]["success"], (Json{{"count", 2}, {"ns", 30}}));
  EXPECT_EQ(all["inference_stats"]["fail"], (Json{{"count", 1}, {"ns", 5}}));
  EXPECT_EQ(all["batch_stats"][0]["batch_size"], 1);
  EXPECT_EQ(all["batch_stats"][0]["compute_infer"], all["inference_stats"]["compute_infer"]);
}

TEST(OipModel, TheIndexTellsStatesAndReasons) {
  const RepositoryEntry entries[] = {{"a", "1", true, ""}, {"b", "2", false, "a \"reason\" \xff"}};
  const Json index = Json::parse(encode_repository_index(entries));
  EXPECT_EQ(index[0], (Json{{"name", "a"}, {"version", "1"}, {"state", "READY"}, {"reason", ""}}));
  EXPECT_EQ(index[1]["state"], "UNAVAILABLE");
}

TEST(OipModel, IndexRequestsMayBeEmpty) {
  EXPECT_EQ(parse_index_request("").value(), false);
  EXPECT_EQ(parse_index_request(" \r\n").value(), false);
  EXPECT_EQ(parse_index_request("{}").value(), false);
  EXPECT_EQ(parse_index_request(R"({"other":[1,{}],"ready":true})").value(), true);
  for (const char* bad : {"[", "[]", "{\"ready\":1}", "{\"ready\":true", "{}x", "null"}) {
    EXPECT_FALSE(parse_index_request(bad).has_value()) << bad;
  }
}

TEST(OipModel, LoadRequestsBringNothingAlong) {
  for (const char* good : {"", "{}", R"({"parameters":{}})", R"({"parameters":{"unload_dependents":false},"x":[]})"}) {
    EXPECT_TRUE(check_load_request(good).has_value()) << good;
  }
  for (const char* brings : {R"({"parameters":{"config":"{}"}})", R"({"parameters":{"file:1/model.onnx":"AAAA"}})"}) {
    const auto checked = check_load_request(brings);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code, Code::kUnsupported);
  }
  for (const char* bad : {"[]", "{\"parameters\":[]}", "{", "x"}) {
    EXPECT_EQ(check_load_request(bad).error().code, Code::kBadInput) << bad;
  }
}

}  // namespace
}  // namespace lichen::protocol
