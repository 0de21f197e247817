// SPDX-License-Identifier: Apache-2.0
// What one client may have of the door, and that those who only keep it waiting give way to those who come.
#include <cstdlib>

#include "doors/clients.hpp"
#include "server_fixture.hpp"

namespace lichen::doors {
namespace {

using protocol::good_request;
using ::testing::HasSubstr;

class RestShares : public RestServerTest {
 protected:
  static std::string reason_of(const HttpReply& reply) { return Json::parse(reply.body)["lichen"]["reason"]; }
};

TEST_F(RestShares, AClientWithTooManyOpenRequestsHears429AtOnceAndOthersDoNot) {
  RestOptions options = quick_options();
  options.client_requests_max = 2;
  start_holding(options);
  std::string path = "/tmp/lichen-shares-XXXXXX";
  ASSERT_NE(::mkdtemp(path.data()), nullptr);
  path += "/rest";
  ASSERT_TRUE(on_server([&] { return server->listen_unix(path); }).has_value());
  HttpClient first(port);
  HttpClient second(port);
  first.send(HttpClient::post_text(kInfer, good_request()));
  second.send(HttpClient::post_text(kInfer, good_request()));
  ASSERT_TRUE(held_reaches(2));
  HttpClient third(port);
  const HttpReply refused = third.post(kInfer, good_request());
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_EQ(reason_of(refused), "client_limit");
  EXPECT_EQ(third.get("/v2/health/live").status, 200) << "only inference is counted";
  HttpClient neighbour(path);
  neighbour.send(HttpClient::post_text(kInfer, good_request()));
  ASSERT_TRUE(held_reaches(3));
  on_server([&] { inference.give(inference.held[0].id, small_output()); });
  EXPECT_EQ(first.read_reply().status, 200);
  third.send(HttpClient::post_text(kInfer, good_request()));
  EXPECT_TRUE(held_reaches(4)) << "an answer makes room for the next";
  EXPECT_EQ(metric("lichen_rest_requests_over_share_total"), 1);
  ::unlink(path.c_str());
  ::rmdir(path.substr(0, path.rfind('/')).c_str());
}

TEST_F(RestShares, RequestsOfVanishedClientsCountUntilTheDeviceHasAnsweredThem) {
  RestOptions options = quick_options();
  options.client_requests_max = 1;
  start_holding(options);
  {
    HttpClient client(port);
    client.send(HttpClient::post_text(kInfer, good_request()));
    ASSERT_TRUE(held_reaches(1));
    client.vanish();
  }
  HttpClient client(port);
  EXPECT_EQ(client.post(kInfer, good_request()).status, 429);
  on_server([&] { inference.give(inference.held[0].id, small_output()); });
  expect_normal_request_succeeds();
}

TEST_F(RestShares, AFullQueueIs429WithAHintOfTheUsualTime) {
  start();
  HttpClient client(port);
  EXPECT_EQ(client.post(kInfer, good_request()).status, 200);
  on_server([&] { inference.refuse_at_once = ports::Refusal{.reason = ports::RefusalReason::kOverloaded}; });
  const HttpReply reply = client.post(kInfer, good_request());
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.headers.at("retry-after"), "1");
  EXPECT_EQ(reason_of(reply), "overloaded");
  EXPECT_GE(Json::parse(reply.body)["lichen"]["retry_after_ms"], 1);
}

TEST_F(RestShares, OneClientCannotTakeAllConnections) {
  RestOptions options = quick_options();
  options.connections_max = 8;
  options.give_way_ns = kMinuteNs;
  start(options);
  std::vector<std::unique_ptr<HttpClient>> crowd;
  for (int i = 0; i < 6; ++i) {
    crowd.push_back(std::make_unique<HttpClient>(port));
    EXPECT_EQ(crowd.back()->get("/v2").status, 200);
  }
  HttpClient another(port);
  const HttpReply reply = another.read_reply();
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reason_of(reply), "client_connections");
  crowd.pop_back();
  EXPECT_TRUE(eventually([&] { return server->metrics()[3].samples[0].value <= 6; }));
}

TEST_F(RestShares, ConnectionsThatOnlyWaitGiveWayToThoseThatCome) {
  RestOptions options = quick_options();
  options.connections_max = 4;
  options.client_connections_max = 4;
  options.turned_away_max = 0;
  options.give_way_ns = 10 * kMillisecondNs;
  start(options);
  std::vector<std::unique_ptr<HttpClient>> crawlers;
  for (int i = 0; i < 4; ++i) {
    crawlers.push_back(std::make_unique<HttpClient>(port));
    crawlers.back()->send("POST /v2/mod");
  }
  ASSERT_TRUE(eventually([&] { return server->metrics()[3].samples[0].value == 4; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  expect_normal_request_succeeds();
  EXPECT_EQ(metric("lichen_rest_connections_gave_way_total"), 1);
  EXPECT_TRUE(crawlers[0]->at_end()) << "the one that kept us waiting longest";
}

TEST_F(RestShares, ConnectionsWithAnOpenRequestDoNotGiveWay) {
  RestOptions options = quick_options();
  options.connections_max = 1;
  options.give_way_ns = 1;
  start_holding(options);
  HttpClient client(port);
  client.send(HttpClient::post_text(kInfer, good_request()));
  ASSERT_TRUE(held_reaches(1));
  HttpClient another(port);
  EXPECT_EQ(another.read_reply().status, 503);
  on_server([&] { inference.give(inference.held[0].id, small_output()); });
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST_F(RestShares, BodiesThatArriveSlowlyTakeOnlySoMuchMemoryTogether) {
  RestOptions options = quick_options();
  options.body_bytes_max = 100'000;
  options.bodies_bytes_max = 150'000;
  start(options);
  const std::string half = fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n", kInfer) +
                           std::string(80'000, ' ');
  HttpClient first(port);
  first.send(half);
  ASSERT_TRUE(metric_reaches("lichen_rest_received_bytes_total", 80'000));
  HttpClient second(port);
  second.send(half);
  const HttpReply reply = second.read_reply();
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reason_of(reply), "too_many_bodies");
  expect_normal_request_succeeds();
  first.vanish();
  second.close();
  EXPECT_TRUE(eventually([&] { return server->metrics()[3].samples[0].value == 0; }));
  HttpClient third(port);
  third.send(half + std::string(10'000, ' '));
  EXPECT_EQ(third.read_reply().status, 400) << "there is room again, for what is no JSON";
}

TEST(Clients, OnlyThoseThatHaveSomethingAreKept) {
  Clients clients;
  clients.add_connection("a");
  clients.add_request("a");
  clients.add_request("a");
  clients.drop_connection("a");
  EXPECT_EQ(clients.of("a").open_requests, 2U);
  EXPECT_EQ(clients.of("a").connections, 0U);
  clients.drop_request("a");
  clients.drop_request("a");
  clients.drop_request("a");
  clients.drop_request("b");
  EXPECT_EQ(clients.size(), 0U);
}

}  // namespace
}  // namespace lichen::doors
