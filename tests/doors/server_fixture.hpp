// SPDX-License-Identifier: Apache-2.0
// A REST door on a loopback port with a fake device behind it, on a thread of its own. Tests reach into it only through
// on_server().
#pragma once

#include <future>
#include <memory>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "doors/rest_server.hpp"
#include "fake_device.hpp"
#include "http_client.hpp"
#include "malformed_requests.hpp"

namespace lichen::doors {

inline constexpr const char* kInfer = "/v2/models/small/infer";

class RestServerTest : public ::testing::Test {
 protected:
  ~RestServerTest() override { shut_down(); }

  // Timeouts short enough for tests, long enough for a busy machine where they must not strike.
  static RestOptions quick_options() {
    RestOptions options;
    options.sweep_ns = 5 * kMillisecondNs;
    options.linger_timeout_ns = 500 * kMillisecondNs;
    options.deadline_default_ns = 20 * kSecondNs;
    return options;
  }

  void start(RestOptions options = quick_options(),
             std::vector<protocol::Contract> contracts = {protocol::small_contract()}) {
    if (!inference.answer_at_once) inference.answer_at_once = small_output();
    server = std::make_unique<RestServer>(io, std::move(options), std::move(contracts), inference, clock, view,
                                          shared_memory);
    inference.answers = server.get();
    const auto listening = server->listen_tcp("127.0.0.1", 0);
    ASSERT_TRUE(listening.has_value()) << listening.error().to_line();
    port = server->port();
    thread = std::thread([this] { io.run(); });
  }

  void start_holding(RestOptions options = quick_options()) {
    start(std::move(options));
    on_server([&] { inference.answer_at_once.reset(); });
  }

  void shut_down() {
    if (!thread.joinable()) return;
    on_server([this] { server.reset(); });
    work.reset();
    io.stop();
    thread.join();
  }

  // Runs it on the server's thread and waits.
  template <typename F>
  std::invoke_result_t<F&> on_server(F&& f) {
    std::packaged_task<std::invoke_result_t<F&>()> task(std::forward<F>(f));
    auto future = task.get_future();
    boost::asio::post(io, [&task] { task(); });
    return future.get();
  }
  // Waits until it is true on the server's thread; false after ten seconds.
  template <typename F>
  bool eventually(F&& f) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < until) {
      if (on_server(f)) return true;
      std::this_thread::yield();
    }
    return false;
  }
  double metric(const std::string& name) {
    return on_server([&] {
      double sum = 0;
      for (const Metric& m : server->metrics()) {
        for (const MetricSample& sample : m.samples) sum += m.name == name ? sample.value : 0;
      }
      return sum;
    });
  }
  bool metric_reaches(const std::string& name, double value) {
    return eventually([&] {
      for (const Metric& m : server->metrics()) {
        double sum = 0;
        for (const MetricSample& sample : m.samples) sum += sample.value;
        if (m.name == name) return sum >= value;
      }
      return false;
    });
  }
  bool held_reaches(std::size_t count) {
    return eventually([&] { return inference.held.size() >= count; });
  }

  static Bytes small_output() {
    Bytes bytes;
    ByteWriter writer(bytes);
    for (const float v : {0.25F, 0.5F, 0.25F}) writer.put(v);
    writer.put(std::int64_t{-42});
    return bytes;
  }

  // Whatever happened before, a well-behaved client is served.
  void expect_normal_request_succeeds() {
    on_server([&] { inference.answer_at_once = small_output(); });
    HttpClient client(port);
    const HttpReply reply = client.post(kInfer, protocol::good_request());
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(Json::parse(reply.body)["outputs"][1]["data"][0], -42);
  }

  static std::string error_of(const HttpReply& reply) {
    const Json json = Json::parse(reply.body, nullptr, false);
    if (json.is_discarded() || !json.contains("error")) return "no JSON error in: " + reply.body;
    EXPECT_TRUE(json["lichen"].contains("code") && json["lichen"].contains("try")) << reply.body;
    return json["error"];
  }

  RealClock clock;
  FakeView view;
  FakeInference inference;
  ports::SharedMemory* shared_memory = nullptr;
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::unique_ptr<RestServer> server;
  std::uint16_t port = 0;
  std::thread thread;
};

}  // namespace lichen::doors
