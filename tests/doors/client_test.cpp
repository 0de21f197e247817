// SPDX-License-Identifier: Apache-2.0
// The public client (include/lichen/client.hpp) against a real door over a Unix socket: connections are kept, restarts
// are survived, deadlines hold.
#include <cstdlib>

#include <lichen/client.hpp>

#include "server_fixture.hpp"

namespace lichen::doors {
namespace {

using namespace std::chrono_literals;

class ClientTest : public RestServerTest {
 protected:
  ClientTest() {
    if (::mkdtemp(folder_.data()) == nullptr) folder_.clear();
    path_ = folder_ + "/rest";
  }
  ~ClientTest() override {
    shut_down();
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  void start_unix(RestOptions options = quick_options()) {
    start(std::move(options));
    ASSERT_TRUE(on_server([&] { return server->listen_unix(path_); }).has_value());
  }
  std::expected<Answer, NoAnswer> ask(Client& client, const AskOptions& options = {.within = 5s}) {
    return client.infer("small",
                        {lichen::input("image", {1, 2, 2}, std::span(image_)),
                         lichen::input("mode", {2}, std::span(mode_)), lichen::input("flag", {1}, std::span(flag_))},
                        options);
  }

  std::array<float, 4> image_ = {1, 2, 3, 4};
  std::array<std::int8_t, 2> mode_ = {-128, 127};
  std::array<bool, 1> flag_ = {true};
  std::string folder_ = "/tmp/lichen-client-XXXXXX";
  std::string path_;
};

TEST_F(ClientTest, AnAnswerComesWithItsLabelsAndTensors) {
  start_unix();
  Client client(path_);
  const auto answer = ask(client);
  ASSERT_TRUE(answer.has_value()) << answer.error().text;
  EXPECT_EQ(answer->rung, "compact");
  EXPECT_EQ(answer->reason, "hung");
  EXPECT_TRUE(answer->degraded);
  EXPECT_EQ(answer->confidence, 0.5);
  ASSERT_EQ(answer->outputs.size(), 2U);
  EXPECT_EQ(answer->outputs[0].name, "scores");
  EXPECT_EQ(answer->outputs[0].as<float>()[1], 0.5F);
  EXPECT_EQ(answer->outputs[1].as<std::int64_t>()[0], -42);
}

TEST_F(ClientTest, InputsArriveAsTheyAre) {
  start_unix();
  on_server([&] { inference.answer_at_once.reset(); });
  Client client(path_);
  std::thread asking([&] { EXPECT_TRUE(ask(client).has_value()); });
  EXPECT_TRUE(held_reaches(1));
  on_server([&] {
    const ByteView input = inference.held[0].input;
    EXPECT_EQ(std::memcmp(input.data(), image_.data(), 16), 0);
    EXPECT_EQ(static_cast<int>(input[17]), 127);
    inference.give(inference.held[0].id, small_output());
  });
  asking.join();
}

TEST_F(ClientTest, TheConnectionIsUsedAgain) {
  start_unix();
  Client client(path_);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(ask(client).has_value());
  EXPECT_EQ(metric("lichen_rest_connections_total"), 1);
}

TEST_F(ClientTest, AConnectionThatWasClosedMeanwhileIsNoError) {
  RestOptions options = quick_options();
  options.idle_timeout_ns = 20 * kMillisecondNs;
  start_unix(options);
  Client client(path_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(ask(client).has_value());
    ASSERT_TRUE(eventually([&] { return server->metrics()[3].samples[0].value == 0; }));
  }
}

TEST_F(ClientTest, ADeviceThatComesLaterIsWaitedForWithinTheDeadline) {
  Client client(path_);
  std::thread later([&] {
    std::this_thread::sleep_for(100ms);
    start_unix();
  });
  const auto answer = ask(client, {.within = 10s});
  later.join();
  EXPECT_TRUE(answer.has_value()) << answer.error().text;
}

TEST_F(ClientTest, ARestartAmidstARequestIsSurvived) {
  start_unix();
  on_server([&] { inference.answer_at_once.reset(); });
  Client client(path_);
  std::expected<Answer, NoAnswer> answer;
  std::thread asking([&] { answer = ask(client, {.within = 10s}); });
  ASSERT_TRUE(held_reaches(1));
  on_server([&] {
    server.reset();
    inference.answer_at_once = small_output();
    server = std::make_unique<RestServer>(io, quick_options(), std::vector{protocol::small_contract()}, inference, clock,
                                          view);
    inference.answers = server.get();
    EXPECT_TRUE(server->listen_unix(path_).has_value());
  });
  asking.join();
  EXPECT_TRUE(answer.has_value()) << answer.error().text;
}

TEST_F(ClientTest, WithoutADeviceTheDeadlineEndsItInWords) {
  Client client(path_);
  const auto answer = ask(client, {.within = 60ms});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, LICHEN_FAILED);
  EXPECT_NE(answer.error().text.find(path_), std::string::npos);
}

TEST_F(ClientTest, ADeviceThatSaysNothingIsGivenUpAtTheDeadlineAndItsLateAnswerIsNotTaken) {
  RestOptions options = quick_options();
  options.unanswered_grace_ns = kMinuteNs;
  start_unix(options);
  on_server([&] { inference.answer_at_once.reset(); });
  Client client(path_);
  const auto answer = ask(client, {.within = 50ms});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, LICHEN_TOO_LATE);
  on_server([&] {
    inference.give(inference.held[0].id, Bytes(20));
    inference.answer_at_once = small_output();
  });
  const auto next = ask(client);
  ASSERT_TRUE(next.has_value()) << next.error().text;
  EXPECT_EQ(next->outputs[1].as<std::int64_t>()[0], -42);
}

TEST_F(ClientTest, RefusalsKeepTheDevicesWords) {
  start_unix();
  Client client(path_);
  const auto unknown = client.infer("nobody", {}, {.within = 5s});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, LICHEN_NOT_FOUND);
  EXPECT_NE(unknown.error().text.find("model nobody"), std::string::npos);
  const auto rung = ask(client, {.within = 5s, .min_rung = "no \"such\" rung"});
  ASSERT_FALSE(rung.has_value());
  EXPECT_EQ(rung.error().code, LICHEN_BAD_INPUT);
  on_server([&] { inference.refuse_at_once = ports::Refusal{.reason = ports::RefusalReason::kOverloaded}; });
  const auto busy = ask(client);
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().code, LICHEN_EXHAUSTED);
  EXPECT_EQ(busy.error().reason, "overloaded");
  EXPECT_EQ(metric("lichen_rest_connections_total"), 1);
}

TEST_F(ClientTest, RungAndPriorityReachTheDevice) {
  start_unix();
  Client client(path_);
  ASSERT_TRUE(ask(client, {.within = 5s, .min_rung = "compact", .priority = 9}).has_value());
  EXPECT_EQ(on_server([&] { return inference.last->min_rung; }), 1U);
  EXPECT_EQ(on_server([&] { return inference.last->priority; }), 9);
}

}  // namespace
}  // namespace lichen::doors
