// SPDX-License-Identifier: Apache-2.0
// The model repository, configuration and statistics over a real connection. How a device really loads and unloads is in
// tests/device and tests/lichend.
#include "server_fixture.hpp"

namespace lichen::doors {
namespace {

using protocol::good_request;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kIndex = "/v2/repository/index";
constexpr const char* kLoad = "/v2/repository/models/small/load";
constexpr const char* kUnload = "/v2/repository/models/small/unload";

class RestRepository : public RestServerTest {};

TEST_F(RestRepository, TheIndexFollowsLoadAndUnload) {
  start();
  HttpClient client(port);
  EXPECT_EQ(Json::parse(client.post(kIndex, "").body)[0]["state"], "READY");
  EXPECT_EQ(client.post(kUnload, "{}").status, 200);
  const Json index = Json::parse(client.post(kIndex, "").body);
  EXPECT_EQ(index[0]["state"], "UNAVAILABLE");
  EXPECT_EQ(index[0]["reason"], "unloaded");
  EXPECT_EQ(Json::parse(client.post(kIndex, R"({"ready":true})").body), Json::array());
  EXPECT_EQ(client.post(kLoad, "{}").status, 200);
  EXPECT_EQ(Json::parse(client.post(kIndex, R"({"ready":true})").body)[0]["state"], "READY");
  EXPECT_THAT(view.done, ElementsAre("unload", "load"));
}

TEST_F(RestRepository, ALoadIsRepliedToOnceTheModelIsReady) {
  start();
  on_server([&] { view.ready_when_loaded = false; });
  HttpClient client(port);
  client.send(HttpClient::post_text(kLoad, "{}"));
  ASSERT_TRUE(eventually([&] { return view.done.size() == 1; }));
  HttpClient other(port);
  EXPECT_EQ(other.get("/v2/health/live").status, 200) << "nobody else waits for it";
  on_server([&] { view.is_ready = true; });
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST_F(RestRepository, ALoadThatFailsSaysWhy) {
  start();
  on_server([&] {
    view.ready_when_loaded = false;
    view.state.failing = true;
    view.state.trouble = "start_failed: the file is gone";
  });
  HttpClient client(port);
  const HttpReply reply = client.post(kLoad, "{}");
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(error_of(reply), HasSubstr("the file is gone"));
  EXPECT_EQ(client.get("/v2").status, 200);
}

TEST_F(RestRepository, ALoadThatTakesTooLongAndOneWhoseModelIsUnloadedMeanwhileEnd) {
  RestOptions options = quick_options();
  options.load_timeout_ns = 50 * kMillisecondNs;
  start(options);
  on_server([&] { view.ready_when_loaded = false; });
  HttpClient client(port);
  EXPECT_EQ(client.post(kLoad, "{}").status, 503);
  shut_down();
}

TEST_F(RestRepository, AClientThatLeavesDuringItsLoadHarmsNobody) {
  start();
  on_server([&] { view.ready_when_loaded = false; });
  {
    HttpClient client(port);
    client.send(HttpClient::post_text(kLoad, "{}"));
    ASSERT_TRUE(eventually([&] { return view.done.size() == 1; }));
    client.vanish();
  }
  on_server([&] { view.is_ready = true; });
  EXPECT_TRUE(eventually([&] { return server->metrics()[3].samples[0].value == 0; })) << "no connection is left";
  expect_normal_request_succeeds();
}

TEST_F(RestRepository, WhatIsOpenWhenAModelIsUnloadedIsRefusedInItsWords) {
  start_holding();
  HttpClient client(port);
  client.send(HttpClient::post_text(kInfer, good_request()));
  ASSERT_TRUE(held_reaches(1));
  on_server([&] {
    view.state.loaded = false;
    server->refuse(inference.held[0].id, {.reason = ports::RefusalReason::kStopping});
  });
  const HttpReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(Json::parse(reply.body)["lichen"]["reason"], "unloaded");
}

TEST_F(RestRepository, ADeviceWhoseOwnerDoesNotAllowItRefuses) {
  start();
  on_server([&] { view.controllable = false; });
  HttpClient client(port);
  for (const char* target : {kLoad, kUnload}) {
    const HttpReply reply = client.post(target, "{}");
    EXPECT_EQ(reply.status, 400);
    EXPECT_THAT(error_of(reply), HasSubstr("not allowed"));
  }
  expect_normal_request_succeeds();
}

TEST_F(RestRepository, BadRequestsAreToldWhy) {
  start();
  HttpClient client(port);
  EXPECT_EQ(client.post("/v2/repository/models/nobody/load", "{}").status, 404);
  EXPECT_EQ(client.post("/v2/repository/models/small/melt", "{}").status, 404);
  EXPECT_EQ(client.post(kLoad, "[").status, 400);
  EXPECT_EQ(client.post(kLoad, R"({"parameters":{"config":"{}"}})").status, 400);
  EXPECT_EQ(client.post(kIndex, "[").status, 400);
  const HttpReply wrong = client.get(kIndex);
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "POST");
  EXPECT_TRUE(on_server([&] { return view.done.empty(); }));
}

TEST_F(RestRepository, TheConfigurationIsThere) {
  start();
  HttpClient client(port);
  for (const char* target : {"/v2/models/small/config", "/v2/models/small/versions/1/config"}) {
    const HttpReply reply = client.get(target);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(Json::parse(reply.body)["name"], "small");
  }
  EXPECT_EQ(client.get("/v2/models/nobody/config").status, 404);
}

TEST_F(RestRepository, StatisticsCountWhatWasAnsweredAndWhatWasNot) {
  start();
  on_server([&] { view.runs = 7; });
  HttpClient client(port);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.post(kInfer, good_request()).status, 200);
  EXPECT_EQ(client.post(kInfer, "{").status, 400);
  on_server([&] { inference.refuse_at_once = ports::Refusal{}; });
  EXPECT_EQ(client.post(kInfer, good_request()).status, 503);
  for (const char* target : {"/v2/models/small/stats", "/v2/models/stats", "/v2/models/small/versions/1/stats"}) {
    const Json stats = Json::parse(client.get(target).body)["model_stats"][0];
    EXPECT_EQ(stats["inference_count"], 3);
    EXPECT_EQ(stats["execution_count"], 7);
    EXPECT_EQ(stats["inference_stats"]["success"]["count"], 3);
    EXPECT_GT(stats["inference_stats"]["success"]["ns"], 0);
    EXPECT_EQ(stats["inference_stats"]["fail"]["count"], 2);
  }
}

}  // namespace
}  // namespace lichen::doors
