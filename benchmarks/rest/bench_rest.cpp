// SPDX-License-Identifier: Apache-2.0
// What the REST door costs by itself: the codec alone, and the CPU time of the door's thread a request, with an echo
// behind it and keep-alive clients on a second thread.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <time.h>

#include "base/json.hpp"
#include "base/mix.hpp"
#include "doors/rest_server.hpp"
#include "fake_device.hpp"
#include "http_client.hpp"
#include "protocol/oip.hpp"

namespace {

using namespace lichen;

double thread_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

protocol::Contract echo_contract(std::int64_t width) {
  protocol::Contract contract;
  contract.model = "echo";
  contract.version = "1";
  contract.inputs = {{"x", tensor::DType::kF32, {1, width}}};
  contract.outputs = {{"y", tensor::DType::kF32, {1, width}}};
  contract.rung_names = {"primary", "reflex"};
  return contract;
}

// Floats as a normalised picture has them: up to nine significant digits.
std::string json_request(std::int64_t width) {
  SplitMix64 random(1);
  std::string body = fmt::format(R"({{"inputs":[{{"name":"x","shape":[1,{}],"datatype":"FP32","data":[)", width);
  for (std::int64_t i = 0; i < width; ++i) {
    const float value = static_cast<float>(random.below(1'000'000)) / 333'333.0F - 1.5F;
    body += fmt::format("{}{}", i == 0 ? "" : ",", value);
  }
  return body + "]}]}";
}

Json bench_codec(std::int64_t width, int rounds) {
  const protocol::Contract contract = echo_contract(width);
  const std::string body = json_request(width);
  std::vector<double> parse_us;
  std::vector<double> encode_us;
  for (int round = 0; round < rounds; ++round) {
    const double start = thread_cpu_s();
    const auto request = protocol::parse_infer(contract, body, std::nullopt);
    const double parsed = thread_cpu_s();
    const auto answer = protocol::encode_answer(contract, request->id, request->outputs, {}, request->input);
    const double encoded = thread_cpu_s();
    if (answer.body.size() < body.size() / 2) std::abort();
    parse_us.push_back((parsed - start) * 1e6);
    encode_us.push_back((encoded - parsed) * 1e6);
  }
  return {
      {"floats", width}, {"json_bytes", body.size()}, {"parse_us", median(parse_us)}, {"encode_us", median(encode_us)}};
}

// Sends `requests` from keep-alive connections, as many at once as there are connections.
void drive(std::uint16_t port, const std::string& text, int requests) {
  constexpr int kClients = 8;
  std::vector<std::unique_ptr<doors::HttpClient>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<doors::HttpClient>(port));
  for (int i = 0; i < requests / kClients; ++i) {
    for (auto& client : clients) client->send(text);
    for (auto& client : clients) {
      if (client->read_reply().status != 200) std::abort();
    }
  }
}

Json bench_server(std::int64_t width, int requests) {
  boost::asio::io_context io(1);
  doors::RealClock clock;
  doors::FakeView view;
  doors::FakeInference inference;
  inference.echo = true;
  doors::RestServer server(io, {}, {echo_contract(width)}, inference, clock, view);
  inference.answers = &server;
  if (const auto listening = server.listen_tcp("127.0.0.1", 0); !listening) {
    fmt::print(stderr, "bench_rest: {}\n", listening.error().to_line());
    std::exit(1);
  }
  std::thread client_thread([&, port = server.port()] {
    drive(port, doors::HttpClient::post_text("/v2/models/echo/infer", json_request(width)), requests);
    boost::asio::post(io, [&io] { io.stop(); });
  });
  const double cpu = thread_cpu_s();
  const TimeNs start = clock.now_ns();
  io.run();
  const double cpu_s = thread_cpu_s() - cpu;
  const double wall_s = static_cast<double>(clock.now_ns() - start) * 1e-9;
  client_thread.join();
  return {{"floats", width}, {"requests_per_s", requests / wall_s}, {"cpu_us_per_request", cpu_s / requests * 1e6}};
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = false;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    quick |= std::string_view(argv[i]) == "--quick";
    json |= std::string_view(argv[i]) == "--json";
  }
  const int scale = quick ? 1 : 5;
  Json result = {{"schema", "lichen.bench.rest.v1"}, {"codec", Json::array()}, {"door", Json::array()}};
  for (const std::int64_t width : {4, 768, 37'632})
    result["codec"].push_back(bench_codec(width, width > 1000 ? 50 * scale : 1000 * scale));
  for (const std::int64_t width : {4, 768})
    result["door"].push_back(bench_server(width, width > 4 ? 8'000 * scale : 16'000 * scale));
  if (json) {
    fmt::print("{}\n", result.dump());
    return 0;
  }
  for (const Json& row : result["codec"]) {
    fmt::print("codec, {} floats ({} bytes of JSON): parse {:.1f} us, encode {:.1f} us (medians)\n",
               row["floats"].get<int>(), row["json_bytes"].get<int>(), row["parse_us"].get<double>(),
               row["encode_us"].get<double>());
  }
  for (const Json& row : result["door"]) {
    fmt::print("door, {} floats in and out: {:.0f} requests/s, {:.1f} us CPU of its thread each\n",
               row["floats"].get<int>(), row["requests_per_s"].get<double>(), row["cpu_us_per_request"].get<double>());
  }
}
