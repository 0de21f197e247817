// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 client: one connection, kept alive, opened again when it broke. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"

namespace lichen::demo {

struct HttpRequest {
  std::string method = "GET";
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct HttpResponse {
  unsigned status = 0;
  std::size_t json_bytes = 0;  // Inference-Header-Content-Length; 0 where absent
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);  // on 127.0.0.1
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  // One attempt. kUnavailable: the connection broke or was refused; kDeadlineExceeded: nothing within `patience_ns`.
  // After either the connection is closed, and the next exchange opens another.
  [[nodiscard]] Result<HttpResponse> exchange(const HttpRequest& request, TimeNs patience_ns);

 private:
  struct Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace lichen::demo
