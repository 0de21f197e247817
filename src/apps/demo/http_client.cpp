// SPDX-License-Identifier: Apache-2.0
#include "http_client.hpp"

#include <charconv>
#include <chrono>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace lichen::demo {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Wire = http::request<http::string_body>;

constexpr int kHttp11 = 11;

Wire wire_of(const HttpRequest& request) {
  Wire wire(http::string_to_verb(request.method), request.target, kHttp11, request.body);
  wire.set(http::field::host, "127.0.0.1");
  for (const auto& [name, value] : request.headers) wire.set(name, value);
  wire.prepare_payload();
  return wire;
}

std::size_t json_bytes_of(const http::response<http::string_body>& response) {
  const auto field = response["Inference-Header-Content-Length"];
  std::size_t bytes = 0;
  std::from_chars(field.data(), field.data() + field.size(), bytes);
  return bytes;
}

}  // namespace

// Asynchronous operations on a loop of its own, because only those can time out; to the caller they block.
struct HttpClient::Connection {
  explicit Connection(std::uint16_t to_port) : port(to_port) {}

  // Starts one operation, which stores into `error`, and runs it to its end.
  template <typename Start>
  [[nodiscard]] bool run(Start start) {
    error = asio::error::would_block;
    start();
    loop.restart();
    loop.run();
    return !error;
  }
  auto store() {
    return [this](beast::error_code e, auto&&...) { error = e; };
  }
  [[nodiscard]] bool ensure_open() {
    if (stream) return true;
    stream.emplace(loop);
    buffer.clear();
    const asio::ip::tcp::endpoint peer(asio::ip::address_v4::loopback(), port);
    stream->expires_after(patience);
    if (!run([&] { stream->async_connect(peer, store()); })) return false;
    return !stream->socket().set_option(asio::ip::tcp::no_delay(true), error);
  }
  [[nodiscard]] bool exchange(const Wire& wire, http::response<http::string_body>& response) {
    if (!ensure_open()) return false;
    stream->expires_after(patience);
    if (!run([&] { http::async_write(*stream, wire, store()); })) return false;
    stream->expires_after(patience);
    return run([&] { http::async_read(*stream, buffer, response, store()); });
  }

  std::uint16_t port;
  asio::io_context loop{1};
  std::optional<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
  beast::error_code error;
  std::chrono::nanoseconds patience{};
};

HttpClient::HttpClient(std::uint16_t port) : connection_(std::make_unique<Connection>(port)) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

Result<HttpResponse> HttpClient::exchange(const HttpRequest& request, TimeNs patience_ns) {
  Connection& c = *connection_;
  c.patience = std::chrono::nanoseconds(patience_ns);
  http::response<http::string_body> response;
  if (!c.exchange(wire_of(request), response)) {
    const bool timed_out = c.error == beast::error::timeout;
    const std::string why = c.error.message();
    c.stream.reset();
    return fail(timed_out ? Code::kDeadlineExceeded : Code::kUnavailable, "no answer", request.target, why);
  }
  // The analyzer loses sight of the response inside Beast's read operation, which fills it and moves nothing away.
  if (!response.keep_alive()) c.stream.reset();  // NOLINT(clang-analyzer-cplusplus.Move): see above
  HttpResponse answer;
  answer.status = response.result_int();
  answer.json_bytes = json_bytes_of(response);
  answer.body.swap(response.body());
  return answer;
}

}  // namespace lichen::demo
