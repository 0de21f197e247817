// SPDX-License-Identifier: Apache-2.0
// What the REST door answers to requests, right and wrong, over real sockets.
#include "server_fixture.hpp"

namespace lichen::doors {
namespace {

using protocol::good_request;
using ::testing::HasSubstr;

class RestRequests : public RestServerTest {};

TEST_F(RestRequests, HealthIsTheStatusCode) {
  start();
  HttpClient client(port);
  for (const char* target :
       {"/v2/health/live", "/v2/health/ready", "/v2/models/small/ready", "/v2/models/small/versions/1/ready"}) {
    EXPECT_EQ(client.get(target).status, 200) << target;
  }
  on_server([&] { view.is_live = view.is_ready = false; });
  for (const char* target : {"/v2/health/live", "/v2/health/ready", "/v2/models/small/ready"}) {
    const HttpReply reply = client.get(target);
    EXPECT_EQ(reply.status, 503) << target;
    EXPECT_THAT(error_of(reply), HasSubstr("not ")) << target;
  }
}

TEST_F(RestRequests, MetadataStatusAndMetricsAreThere) {
  start();
  HttpClient client(port);
  EXPECT_EQ(Json::parse(client.get("/v2").body)["name"], "lichen");
  EXPECT_EQ(Json::parse(client.get("/v2/models/small").body)["inputs"][0]["name"], "image");
  EXPECT_EQ(Json::parse(client.get("/v2/models/small/versions/1?x=y").body)["name"], "small");
  EXPECT_EQ(Json::parse(client.get("http://host:80/v2/models/small").body)["name"], "small");
  EXPECT_EQ(Json::parse(client.get("/lichen/v1/status").body)["mode"], "test");
  EXPECT_EQ(client.post(kInfer, good_request()).status, 200);
  const HttpReply metrics = client.get("/metrics");
  EXPECT_EQ(metrics.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("lichen_test_answers_total{rung=\"primary\"} 3"));
  EXPECT_THAT(metrics.body, HasSubstr("# TYPE lichen_rest_requests_total counter"));
  EXPECT_THAT(metrics.body, HasSubstr("lichen_rest_requests_total{status=\"200\"} 6"));
  EXPECT_THAT(metrics.body, HasSubstr("lichen_rest_infer_duration_seconds_count{model=\"small\"} 1"));
  EXPECT_THAT(metrics.body, HasSubstr("lichen_rest_infer_duration_seconds_bucket{model=\"small\",le=\"+Inf\"} 1"));
  EXPECT_THAT(metrics.body, HasSubstr("lichen_rest_connections 1"));
}

TEST_F(RestRequests, HeadIsGetWithoutTheBody) {
  start();
  HttpClient client(port);
  const HttpReply head = client.get("/v2/models/small", "HEAD");
  const HttpReply get = client.get("/v2/models/small");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(get.body.size()));
}

TEST_F(RestRequests, JsonAndBinaryInferencesAreAnswered) {
  start();
  HttpClient client(port);
  const HttpReply json = client.post(kInfer, good_request(R"(,"id":"a1")"));
  ASSERT_EQ(json.status, 200) << json.body;
  const Json answer = Json::parse(json.body);
  EXPECT_EQ(answer["id"], "a1");
  EXPECT_EQ(answer["parameters"]["lichen_rung"], "compact");
  EXPECT_EQ(answer["parameters"]["lichen_reason"], "hung");
  EXPECT_EQ(answer["parameters"]["lichen_confidence"], 0.5);
  EXPECT_EQ(answer["parameters"]["lichen_latency_us"], 1500);

  const std::string header = good_request(R"(,"parameters":{"binary_data_output":true})");
  const HttpReply binary =
      client.post(kInfer, header, fmt::format("Inference-Header-Content-Length: {}\r\n", header.size()));
  ASSERT_EQ(binary.status, 200) << binary.body;
  EXPECT_EQ(binary.headers.at("content-type"), "application/octet-stream");
  EXPECT_EQ(binary.body.size(), std::stoul(binary.headers.at("inference-header-content-length")) + 20);
}

TEST_F(RestRequests, EveryMalformedInferenceIs400InWordsAndTheConnectionLivesOn) {
  start();
  HttpClient client(port);
  for (const protocol::Malformed& bad : protocol::all_malformed()) {
    const std::string header =
        bad.header_length ? fmt::format("Inference-Header-Content-Length: {}\r\n", *bad.header_length) : "";
    const HttpReply reply = client.post(kInfer, bad.body, header);
    ASSERT_EQ(reply.status, 400) << bad.name << ": " << reply.body;
    for (const std::string& word : bad.words) EXPECT_THAT(error_of(reply), HasSubstr(word)) << bad.name;
  }
  EXPECT_EQ(client.post(kInfer, good_request()).status, 200);
}

struct BadHttp {
  const char* name;
  std::string request;
  int status;
  const char* words;
};

std::string lines(const std::string& first, const std::string& more = "", const std::string& body = "") {
  return first + "\r\nHost: x\r\n" + more + "\r\n" + body;
}
std::string infer_with(const std::string& fields, const std::string& body = good_request()) {
  return lines(std::string("POST ") + kInfer + " HTTP/1.1", fields + fmt::format("Content-Length: {}\r\n", body.size()),
               body);
}
std::string chunked(const std::string& chunks) {
  return lines(std::string("POST ") + kInfer + " HTTP/1.1", "Transfer-Encoding: chunked\r\n", chunks);
}

std::vector<BadHttp> bad_http() {
  const std::string post = std::string("POST ") + kInfer + " HTTP/1.1";
  return {
      {"not HTTP", "hello\r\n\r\n", 400, "request header"},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400, "request header"},
      {"no target", "GET\r\n\r\n", 400, "request header"},
      {"an empty target", "GET  HTTP/1.1\r\n\r\n", 400, "request header"},
      {"HTTP/2 at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"},
      {"HTTP/3", lines("GET /v2 HTTP/3.0"), 505, "HTTP/1.1"},
      {"a bad version", lines("GET /v2 HTTQ/1.1"), 505, "HTTP/1.1"},
      {"a space in a field name", lines("GET /v2 HTTP/1.1", "Bad Field: 1\r\n"), 400, "field"},
      {"no colon", lines("GET /v2 HTTP/1.1", "Nothing\r\n"), 400, "field"},
      {"a NUL in a field", lines("GET /v2 HTTP/1.1", std::string("A: b\0c\r\n", 8)), 400, "value"},
      {"a header flood", "GET /v2 HTTP/1.1\r\n" + std::string(200'000, 'a'), 431, "longer than 16384"},
      {"too many fields",
       [] {
         std::string text = "GET /v2 HTTP/1.1\r\n";
         for (int i = 0; i < 5000; ++i) text += fmt::format("X-{}: y\r\n", i);
         return text + "\r\n";
       }(),
       431, "longer than 16384"},
      {"a long target", "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n", 431, "longer than"},
      {"a body that is too long", lines(post, "Content-Length: 1000000000000\r\n", "x"), 413, "longer than"},
      {"a length beyond 64 bits", lines(post, "Content-Length: 99999999999999999999999\r\n", "x"), 400,
       "Content-Length"},
      {"a negative length", lines(post, "Content-Length: -1\r\n", "x"), 400, "Content-Length"},
      {"two lengths", lines(post, "Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400, "Content-Length"},
      {"length and chunks", lines(post, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, ""},
      {"a bad chunk", chunked("zz\r\nabc\r\n"), 400, "chunk"},
      {"a chunk without its end", chunked("3\r\nabcdef\r\n0\r\n\r\n"), 400, ""},
      {"a chunk that is too long", chunked("FFFFFFFF\r\n"), 413, "longer than"},
      {"an unknown coding", infer_with("Content-Encoding: br\r\n"), 415, "Content-Encoding"},
      {"gzip as transfer encoding", lines(post, "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 415,
       "Transfer-Encoding"},
      {"an unknown expectation", infer_with("Expect: 200-maybe\r\n"), 417, "100-continue"},
      {"an unknown path", lines("GET /v3 HTTP/1.1"), 404, "/v3"},
      {"nothing at all", lines("GET / HTTP/1.1"), 404, "no such resource"},
      {"a part of a repository", lines("POST /v2/repository/one/index HTTP/1.1", "Content-Length: 2\r\n", "{}"), 404,
       "nothing is served"},
      {"a model list", lines("GET /v2/models HTTP/1.1"), 404, "nothing is served"},
      {"an unknown model", lines("GET /v2/models/other HTTP/1.1"), 404, "model other"},
      {"an inference of it", lines("POST /v2/models/other/infer HTTP/1.1", "Content-Length: 2\r\n", "{}"), 404,
       "model other"},
      {"an unknown version", lines("GET /v2/models/small/versions/2 HTTP/1.1"), 404, "version 2"},
      {"an unknown action", lines("GET /v2/models/small/explain HTTP/1.1"), 404, "nothing is served"},
      {"a path too deep", lines("GET /v2/models/small/versions/1/infer/x/y HTTP/1.1"), 404, "nothing is served"},
      {"another model's configuration", lines("GET /v2/models/other/config HTTP/1.1"), 404, "model other"},
      {"another model's statistics", lines("GET /v2/models/other/stats HTTP/1.1"), 404, "model other"},
      {"GET of infer", lines(std::string("GET ") + kInfer + " HTTP/1.1"), 405, "use POST"},
      {"DELETE of a model", lines("DELETE /v2/models/small HTTP/1.1"), 405, "use GET, HEAD"},
      {"a method of nobody", lines("BREW /v2 HTTP/1.1"), 405, "BREW"},
      {"a header length as text", infer_with("Inference-Header-Content-Length: x\r\n"), 400, "'x' is no length"},
      {"a header length twice",
       infer_with("Inference-Header-Content-Length: 1\r\nInference-Header-Content-Length: 2\r\n"), 400, "given twice"},
      {"a negative header length", infer_with("Inference-Header-Content-Length: -1\r\n"), 400, "'-1' is no length"},
      {"a deadline as text", infer_with("X-Lichen-Deadline-Ms: soon\r\n"), 400, "header X-Lichen-Deadline-Ms: 'soon'"},
      {"a deadline of zero", infer_with("X-Lichen-Deadline-Ms: 0\r\n"), 400, "no time span"},
      {"no body", lines(post), 400, "ends too early"},
  };
}

TEST_F(RestRequests, EveryBadHttpRequestIsRefusedInWordsAndHarmsNobody) {
  start();
  for (const BadHttp& bad : bad_http()) {
    HttpClient client(port);
    client.send(bad.request);
    const HttpReply reply = client.read_reply();
    ASSERT_EQ(reply.status, bad.status) << bad.name << ": " << reply.body;
    EXPECT_THAT(error_of(reply), HasSubstr(bad.words)) << bad.name;
    EXPECT_EQ(reply.headers.contains("allow"), reply.status == 405) << bad.name;
    client.shut_sending();
    EXPECT_TRUE(client.at_end()) << bad.name;
    expect_normal_request_succeeds();
  }
}

TEST_F(RestRequests, RefusalsBecomeStatusCodes) {
  start();
  using ports::RefusalReason;
  const std::pair<RefusalReason, int> cases[] = {
      {RefusalReason::kOverloaded, 429},         {RefusalReason::kDeadlineTooShort, 504},
      {RefusalReason::kDeadlineExceeded, 504},   {RefusalReason::kNoRungAvailable, 503},
      {RefusalReason::kMinRungUnavailable, 503}, {RefusalReason::kStopping, 503}};
  HttpClient client(port);
  for (const auto& [reason, status] : cases) {
    on_server([&, why = reason] { inference.refuse_at_once = ports::Refusal{why, 1'200'000'000, 0}; });
    const HttpReply reply = client.post(kInfer, good_request());
    EXPECT_EQ(reply.status, status);
    EXPECT_THAT(error_of(reply), HasSubstr("request refused: model small"));
    EXPECT_EQ(Json::parse(reply.body)["lichen"]["reason"], ports::name_of(reason));
    EXPECT_EQ(reply.headers.contains("retry-after") ? reply.headers.at("retry-after") : "none",
              status != 504 ? "2" : "none");
  }
}

TEST_F(RestRequests, TheTighterDeadlineWins) {
  RestOptions options = quick_options();
  options.deadline_default_ns = 2 * kSecondNs;
  options.deadline_ns_max = 5 * kSecondNs;
  start(options);
  HttpClient client(port);
  const auto deadline_of = [&](const std::string& more, const std::string& header) {
    const TimeNs before = clock.now_ns();
    EXPECT_EQ(client.post(kInfer, good_request(more), header).status, 200);
    return on_server([&] { return inference.last->deadline_ns; }) - before;
  };
  const auto about = [](TimeNs expected) {
    return ::testing::AllOf(::testing::Ge(expected), ::testing::Lt(expected + kSecondNs));
  };
  const std::string parameter = R"(,"parameters":{"lichen_deadline_ms":3000})";
  EXPECT_THAT(deadline_of("", ""), about(2 * kSecondNs));
  EXPECT_THAT(deadline_of(parameter, ""), about(3 * kSecondNs));
  EXPECT_THAT(deadline_of(parameter, "X-Lichen-Deadline-Ms: 4000\r\n"), about(3 * kSecondNs));
  EXPECT_THAT(deadline_of(parameter, "X-Lichen-Deadline-Ms: 1000.5\r\n"), about(kSecondNs));
  EXPECT_THAT(deadline_of("", "X-Lichen-Deadline-Ms: 9000\r\n"), about(5 * kSecondNs));
}

TEST_F(RestRequests, RungAndPriorityReachTheDevice) {
  start();
  HttpClient client(port);
  EXPECT_EQ(client.post(kInfer, good_request()).status, 200);
  EXPECT_EQ(on_server([&] { return inference.last->min_rung; }), ports::kAnyRung);
  EXPECT_EQ(
      client.post(kInfer, good_request(R"(,"parameters":{"lichen_min_rung":"compact","lichen_priority":9})")).status,
      200);
  EXPECT_EQ(on_server([&] { return inference.last->min_rung; }), 1U);
  EXPECT_EQ(on_server([&] { return inference.last->priority; }), 9);
}

}  // namespace
}  // namespace lichen::doors
