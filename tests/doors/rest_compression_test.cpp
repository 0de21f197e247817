// SPDX-License-Identifier: Apache-2.0
// Compressed bodies in both directions, over a real connection.
#include "protocol/compression.hpp"
#include "server_fixture.hpp"

namespace lichen::doors {
namespace {

using protocol::ContentCoding;
using protocol::good_request;
using ::testing::HasSubstr;

constexpr std::array kCodings = {ContentCoding::kGzip, ContentCoding::kDeflate};

std::string packed(ContentCoding coding, const std::string& text) {
  return protocol::compress(coding, text, text.size() + 4096).value();
}

class RestCompression : public RestServerTest {};

TEST_F(RestCompression, ACompressedRequestIsReadAsItWas) {
  start();
  HttpClient client(port);
  for (const ContentCoding coding : kCodings) {
    const std::string encoding = fmt::format("Content-Encoding: {}\r\n", protocol::name_of(coding));
    const HttpReply reply = client.post(kInfer, packed(coding, good_request()), encoding);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_FALSE(reply.headers.contains("content-encoding")) << "it was not asked for";
    EXPECT_EQ(static_cast<int>(on_server([&] { return inference.last_input[17]; })), 127);
  }
}

TEST_F(RestCompression, AnAnswerIsCompressedForThoseWhoAskAndTheHeaderLengthIsOfThePlainText) {
  start();
  HttpClient client(port);
  const std::string id(600, 'i');
  const std::string request = good_request(fmt::format(R"(,"id":"{}","parameters":{{"binary_data_output":true}})", id));
  const std::string length = fmt::format("Inference-Header-Content-Length: {}\r\n", request.size());
  for (const ContentCoding coding : kCodings) {
    const auto name = protocol::name_of(coding);
    const std::string fields = length + fmt::format("Accept-Encoding: {0}\r\nContent-Encoding: {0}\r\n", name);
    const HttpReply reply = client.post(kInfer, packed(coding, request), fields);
    ASSERT_EQ(reply.status, 200) << reply.body;
    ASSERT_EQ(reply.headers.at("content-encoding"), name);
    const std::string body = protocol::decompress(coding, reply.body, 1 << 20).value();
    EXPECT_LT(reply.body.size(), body.size());
    const std::size_t json = std::stoul(reply.headers.at("inference-header-content-length"));
    EXPECT_EQ(body.size(), json + 20);
    EXPECT_EQ(Json::parse(body.substr(0, json))["id"], id);
  }
}

TEST_F(RestCompression, ShortAnswersAndErrorsComeAsTheyAre) {
  RestOptions options = quick_options();
  options.compressed_bytes_min = 500;
  start(options);
  HttpClient client(port);
  const std::string accept = "Accept-Encoding: gzip\r\n";
  const HttpReply brief = client.post(kInfer, good_request(), accept);
  EXPECT_EQ(brief.status, 200);
  EXPECT_LT(brief.body.size(), 500U);
  EXPECT_FALSE(brief.headers.contains("content-encoding"));
  const HttpReply bad = client.post(kInfer, std::string(1000, '{'), accept);
  EXPECT_EQ(bad.status, 400);
  EXPECT_FALSE(bad.headers.contains("content-encoding"));
}

TEST_F(RestCompression, ABombIs413AndTheConnectionLivesOn) {
  RestOptions options = quick_options();
  options.body_bytes_max = 10'000;
  start(options);
  HttpClient client(port);
  for (const ContentCoding coding : kCodings) {
    const std::string bomb = packed(coding, std::string(1 << 20, ' '));
    ASSERT_LT(bomb.size(), 10'000U);
    const std::string encoding = fmt::format("Content-Encoding: {}\r\n", protocol::name_of(coding));
    const HttpReply reply = client.post(kInfer, bomb, encoding);
    EXPECT_EQ(reply.status, 413);
    EXPECT_THAT(error_of(reply), HasSubstr("unfolds to more than 10000 bytes"));
    EXPECT_EQ(client.get("/v2").status, 200);
  }
}

TEST_F(RestCompression, DamagedBodiesAre400InWords) {
  start();
  HttpClient client(port);
  for (const ContentCoding coding : kCodings) {
    const std::string good = packed(coding, good_request());
    const std::string encoding = fmt::format("Content-Encoding: {}\r\n", protocol::name_of(coding));
    for (const std::string& bytes : {good.substr(0, good.size() / 2), good + "x", std::string("not compressed at all")}) {
      const HttpReply reply = client.post(kInfer, bytes, encoding);
      EXPECT_EQ(reply.status, 400);
      EXPECT_THAT(error_of(reply), HasSubstr(std::string(protocol::name_of(coding))));
    }
  }
  expect_normal_request_succeeds();
}

}  // namespace
}  // namespace lichen::doors
