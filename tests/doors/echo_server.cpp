// SPDX-License-Identifier: Apache-2.0
// A REST door with an echo behind it: model "echo", input and output f32 [1, 4]. Prints its port on the first line and
// serves until it is killed. For clients in other languages and for measuring the door alone.
#include <cstdio>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "doors/rest_server.hpp"
#include "fake_device.hpp"

int main(int argc, char** argv) {
  using namespace lichen;
  const std::int64_t width = argc > 1 ? std::strtoll(argv[1], nullptr, 10) : 4;
  protocol::Contract contract;
  contract.model = "echo";
  contract.version = "1";
  contract.inputs = {{"x", tensor::DType::kF32, {1, width}}};
  contract.outputs = {{"y", tensor::DType::kF32, {1, width}}};
  contract.rung_names = {"primary", "reflex"};

  boost::asio::io_context io(1);
  doors::RealClock clock;
  doors::FakeView view;
  doors::FakeInference inference;
  inference.echo = true;
  doors::RestServer server(io, {}, {contract}, inference, clock, view);
  inference.answers = &server;
  if (const auto listening = server.listen_tcp("127.0.0.1", 0); !listening) {
    fmt::print(stderr, "echo_server: {}\n", listening.error().to_line());
    return 1;
  }
  fmt::print("{}\n", server.port());
  std::fflush(stdout);
  io.run();
}
