// SPDX-License-Identifier: Apache-2.0
// Connections that crawl, vanish, flood, wait or never end; and how the REST door stops. Whatever one client does, the
// next one is served.
#include <cstdlib>

#include "doors/listener.hpp"
#include "server_fixture.hpp"

namespace lichen::doors {
namespace {

using protocol::good_request;
using ::testing::HasSubstr;

class RestConnections : public RestServerTest {};

TEST_F(RestConnections, AHeaderThatCrawlsIsCutOff) {
  RestOptions options = quick_options();
  options.header_timeout_ns = 50 * kMillisecondNs;
  start(options);
  HttpClient client(port);
  client.send("GET /v2 HTTP/1.1\r\nHo");
  const HttpReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 408);
  EXPECT_THAT(error_of(reply), HasSubstr("request header"));
  EXPECT_TRUE(client.at_end());
  expect_normal_request_succeeds();
}

TEST_F(RestConnections, ABodyThatStopsHalfwayIsCutOff) {
  RestOptions options = quick_options();
  options.body_timeout_ns = 50 * kMillisecondNs;
  start(options);
  HttpClient client(port);
  const std::string whole = HttpClient::post_text(kInfer, good_request());
  client.send(whole.substr(0, whole.size() - 20));
  const HttpReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 408);
  EXPECT_THAT(error_of(reply), HasSubstr("request body"));
  expect_normal_request_succeeds();
}

TEST_F(RestConnections, AClientThatLeavesInItsRequestIsForgotten) {
  start();
  const std::string whole = HttpClient::post_text(kInfer, good_request());
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    HttpClient client(port);
    client.send(whole.substr(0, length));
    if (length % 2 == 0) client.vanish();
  }
  EXPECT_TRUE(eventually([&] { return server->metrics()[3].samples[0].value == 0; })) << "no connection is left";
  expect_normal_request_succeeds();
}

TEST_F(RestConnections, ARequestMayArriveByteByByte) {
  start();
  HttpClient client(port);
  for (const char byte : HttpClient::post_text(kInfer, good_request())) client.send({&byte, 1});
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST_F(RestConnections, AnIdleConnectionIsClosedInSilence) {
  RestOptions options = quick_options();
  options.idle_timeout_ns = 50 * kMillisecondNs;
  start(options);
  HttpClient client(port);
  EXPECT_EQ(client.get("/v2").status, 200);
  EXPECT_TRUE(client.at_end());
  expect_normal_request_succeeds();
}

TEST_F(RestConnections, AnswersMayComeLater) {
  start_holding();
  HttpClient client(port);
  client.send(HttpClient::post_text(kInfer, good_request()));
  ASSERT_TRUE(held_reaches(1));
  on_server([&] { inference.give(inference.held[0].id, small_output()); });
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(client.get("/v2").status, 200);
}

TEST_F(RestConnections, AVanishedClientsInputLivesUntilTheDeviceHasAnswered) {
  start_holding();
  {
    HttpClient client(port);
    client.send(HttpClient::post_text(kInfer, good_request()));
    ASSERT_TRUE(held_reaches(1));
    client.vanish();
  }
  on_server([&] {
    ASSERT_EQ(inference.held[0].input.size(), 19U);
    EXPECT_EQ(static_cast<int>(inference.held[0].input[17]), 127);
    inference.give(inference.held[0].id, small_output());
  });
  EXPECT_TRUE(metric_reaches("lichen_rest_answers_undelivered_total", 1));
  expect_normal_request_succeeds();
  EXPECT_EQ(metric("lichen_rest_requests_open"), 0);
}

TEST_F(RestConnections, ADeviceThatNeverAnswersDoesNotHoldTheClient) {
  RestOptions options = quick_options();
  options.unanswered_grace_ns = 20 * kMillisecondNs;
  start_holding(options);
  HttpClient client(port);
  const HttpReply reply = client.post(kInfer, good_request(), "X-Lichen-Deadline-Ms: 20\r\n");
  EXPECT_EQ(reply.status, 504);
  EXPECT_EQ(Json::parse(reply.body)["lichen"]["reason"], "unanswered");
  EXPECT_EQ(client.get("/v2").status, 200);
  on_server([&] {
    EXPECT_EQ(static_cast<int>(inference.held[0].input[17]), 127);  // still there
    inference.give(inference.held[0].id, small_output());
    inference.give(inference.held[0].id, small_output());
  });
  EXPECT_EQ(metric("lichen_rest_requests_unanswered_total"), 1);
  EXPECT_EQ(metric("lichen_rest_answers_undelivered_total"), 1);
  EXPECT_EQ(metric("lichen_rest_answers_stray_total"), 1);
  expect_normal_request_succeeds();
}

TEST_F(RestConnections, ALateAnswerIsAnErrorAndCounted) {
  start_holding();
  HttpClient client(port);
  client.send(HttpClient::post_text(kInfer, good_request(), "X-Lichen-Deadline-Ms: 1\r\n"));
  ASSERT_TRUE(held_reaches(1));
  ASSERT_TRUE(eventually([&] { return clock.now_ns() > inference.held[0].deadline_ns; }));
  on_server([&] { inference.give(inference.held[0].id, small_output()); });
  EXPECT_EQ(client.read_reply().status, 504);
  EXPECT_EQ(metric("lichen_rest_answers_late_total"), 1);
}

TEST_F(RestConnections, AnAnswerOfTheWrongSizeIsAnInternalError) {
  start();
  on_server([&] { inference.answer_at_once = Bytes(3); });
  HttpClient client(port);
  const HttpReply reply = client.post(kInfer, good_request());
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(error_of(reply), HasSubstr("3 bytes instead of 20"));
  expect_normal_request_succeeds();
}

TEST_F(RestConnections, TooManyConnectionsHear503AtOnce) {
  RestOptions options = quick_options();
  options.connections_max = 2;
  options.turned_away_max = 1;
  start(options);
  HttpClient first(port);
  HttpClient second(port);
  EXPECT_EQ(first.get("/v2").status, 200);
  EXPECT_EQ(second.get("/v2").status, 200);
  HttpClient third(port);
  const HttpReply reply = third.read_reply();  // without having asked
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers.at("retry-after"), "1");
  EXPECT_EQ(error_of(reply).empty(), false);
  HttpClient fourth(port);  // beyond what is waited for: closed
  EXPECT_TRUE(fourth.at_end());
  EXPECT_EQ(first.get("/v2").status, 200);
  third.close();
  fourth.close();
  second.close();
  EXPECT_TRUE(eventually([&] { return server->metrics()[3].samples[0].value == 1; }));
  expect_normal_request_succeeds();
}

TEST_F(RestConnections, PipelinedRequestsAreAnsweredInOrder) {
  start_holding();
  HttpClient client(port);
  std::string all;
  for (int i = 0; i < 20; ++i) all += HttpClient::post_text(kInfer, good_request(fmt::format(R"(,"id":"{}")", i)));
  client.send(all + "GET /v2 HTTP/1.1\r\n\r\n");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(held_reaches(static_cast<std::size_t>(i) + 1));
    ASSERT_EQ(on_server([&] { return inference.held.size(); }), static_cast<std::size_t>(i) + 1) << "one at a time";
    on_server([&] { inference.give(inference.held.back().id, small_output()); });
    const HttpReply reply = client.read_reply();
    ASSERT_EQ(Json::parse(reply.body)["id"], std::to_string(i));
  }
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST_F(RestConnections, Http10ClosesUnlessAskedNotTo) {
  start();
  HttpClient plain(port);
  plain.send("GET /v2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(plain.read_reply().status, 200);
  EXPECT_TRUE(plain.at_end());
  HttpClient kept(port);
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /v2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const HttpReply reply = kept.read_reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("connection"), "keep-alive");
  }
  HttpClient closing(port);
  closing.send("GET /v2 HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(closing.read_reply().headers.at("connection"), "close");
  EXPECT_TRUE(closing.at_end());
}

TEST_F(RestConnections, ExpectContinueIsAnsweredBeforeTheBody) {
  start();
  HttpClient client(port);
  const std::string body = good_request();
  client.send(
      fmt::format("POST {} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n", kInfer, body.size()));
  EXPECT_EQ(client.read_reply().status, 100);
  client.send(body);
  EXPECT_EQ(client.read_reply().status, 200);
  HttpClient greedy(port);
  greedy.send(fmt::format("POST {} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n", kInfer));
  EXPECT_EQ(greedy.read_reply().status, 413);
}

TEST_F(RestConnections, ChunkedBodiesAreReadWithinTheLimit) {
  RestOptions options = quick_options();
  options.body_bytes_max = 4096;
  start(options);
  const std::string head = fmt::format("POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", kInfer);
  HttpClient client(port);
  client.send(head);
  for (const char byte : good_request()) client.send(fmt::format("1\r\n{}\r\n", byte));
  client.send("0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(client.read_reply().status, 200);
  client.send(head);
  for (int i = 0; i < 200; ++i) client.send("64\r\n" + std::string(100, ' ') + "\r\n");
  EXPECT_EQ(client.read_reply().status, 413);
  expect_normal_request_succeeds();
}

TEST_F(RestConnections, AClaimedLengthAllocatesNothing) {
  RestOptions options = quick_options();
  options.body_bytes_max = std::size_t{1} << 50;
  start(options);
  HttpClient client(port);
  client.send(fmt::format("POST {} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{{", kInfer, std::size_t{1} << 49));
  ASSERT_TRUE(metric_reaches("lichen_rest_received_bytes_total", 50));
  expect_normal_request_succeeds();
}

// An answer larger than the sockets' buffers hold.
protocol::Contract large_contract() {
  protocol::Contract contract = protocol::small_contract();
  contract.outputs = {{"large", tensor::DType::kU8, {32 << 20}}};
  return contract;
}

TEST_F(RestConnections, AClientThatDoesNotReadIsCutOff) {
  RestOptions options = quick_options();
  options.write_timeout_ns = kSecondNs;
  inference.answer_at_once = Bytes(32 << 20);
  start(options, {large_contract()});
  HttpClient client(port);
  client.send(HttpClient::post_text(kInfer, good_request(R"(,"parameters":{"binary_data_output":true})")));
  EXPECT_TRUE(metric_reaches("lichen_rest_timeouts_total", 1));
  EXPECT_TRUE(metric_reaches("lichen_rest_answers_undelivered_total", 1));
  HttpClient reader(port);
  const HttpReply reply = reader.post(kInfer, good_request(R"(,"parameters":{"binary_data_output":true})"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_GT(reply.body.size(), std::size_t{32} << 20);
}

TEST_F(RestConnections, StoppingEndsOpenRequestsAndClosesIdleConnections) {
  start_holding();
  HttpClient idle(port);
  EXPECT_EQ(idle.get("/v2").status, 200);
  HttpClient busy(port);
  busy.send(HttpClient::post_text(kInfer, good_request()));
  ASSERT_TRUE(held_reaches(1));
  std::promise<void> stopped;
  on_server([&] { server->stop(20 * kSecondNs, [&] { stopped.set_value(); }); });
  EXPECT_TRUE(idle.at_end());
  EXPECT_FALSE(HttpClient(port).connected());
  on_server([&] { inference.give(inference.held[0].id, small_output()); });
  const HttpReply reply = busy.read_reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("connection"), "close");
  busy.close();
  stopped.get_future().get();
}

TEST_F(RestConnections, StoppingDoesNotWaitBeyondItsGrace) {
  start_holding();
  HttpClient busy(port);
  busy.send(HttpClient::post_text(kInfer, good_request()));
  ASSERT_TRUE(held_reaches(1));
  std::promise<void> stopped;
  on_server([&] { server->stop(30 * kMillisecondNs, [&] { stopped.set_value(); }); });
  stopped.get_future().get();
  EXPECT_TRUE(busy.at_end());
  on_server([&] {
    EXPECT_EQ(static_cast<int>(inference.held[0].input[17]), 127);
    inference.give(inference.held[0].id, small_output());
  });
}

TEST_F(RestConnections, AServerMayGoWhileRequestsAreOpen) {
  start_holding();
  HttpClient busy(port);
  busy.send(HttpClient::post_text(kInfer, good_request()));
  HttpClient half(port);
  half.send("GET /v2 HT");
  ASSERT_TRUE(held_reaches(1));
  on_server([&] { server.reset(); });
  EXPECT_TRUE(busy.at_end());
  EXPECT_TRUE(half.at_end());
}

TEST_F(RestConnections, UnixSocketsAndAdoptedSocketsServeToo) {
  start();
  const std::string path = fmt::format("{}/rest-{}.sock", ::testing::TempDir(), ::getpid());
  auto handed_over = open_tcp_listener("127.0.0.1", 0, 8);
  ASSERT_TRUE(handed_over.has_value());
  const std::uint16_t other_port = port_of(handed_over->get());
  on_server([&] {
    ASSERT_TRUE(server->listen_unix(path).has_value());
    ASSERT_TRUE(server->adopt(handed_over->release()).has_value());
  });
  EXPECT_EQ(HttpClient(path).get("/v2").status, 200);
  EXPECT_EQ(HttpClient(other_port).get("/v2").status, 200);
  const auto in_use = open_unix_listener(path, 8, 0660);
  ASSERT_FALSE(in_use.has_value());
  shut_down();
  EXPECT_TRUE(open_unix_listener(path, 8, 0660).has_value()) << "a stale socket file is replaced";
  ::unlink(path.c_str());
}

TEST_F(RestConnections, WhatCannotBeListenedOnIsSaidInWords) {
  start();
  const auto in_use = open_tcp_listener("127.0.0.1", port, 8);
  ASSERT_FALSE(in_use.has_value());
  EXPECT_THAT(in_use.error().to_line(), HasSubstr("another program listens there"));
  EXPECT_THAT(open_tcp_listener("example.org", 1, 8).error().to_line(), HasSubstr("not an IP address"));
  EXPECT_THAT(open_tcp_listener("203.0.113.7", 1, 8).error().to_line(),
              HasSubstr("cannot listen: 203.0.113.7, port 1"));
  EXPECT_THAT(open_unix_listener(std::string(200, 'x'), 8, 0660).error().to_line(), HasSubstr("choose a shorter path"));
  on_server([&] {
    EXPECT_THAT(server->adopt(::socket(AF_INET, SOCK_STREAM, 0)).error().to_line(),
                HasSubstr("no listening stream socket"));
  });
}

}  // namespace
}  // namespace lichen::doors
