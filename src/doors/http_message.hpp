// SPDX-License-Identifier: Apache-2.0
// The REST door's own view of HTTP: a reply to send, the errors it sends, and which resource a target names. No
// sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "ports/inference.hpp"

namespace lichen::doors {

struct Reply {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string_view, std::string>> headers;  // beside type, length and connection
};

// How the reply goes onto this connection.
struct ReplyFrame {
  bool http_1_0 = false;
  bool keep_alive = true;
};

// Status line and header fields, with the empty line. The length told is the body's, also where none follows (HEAD).
[[nodiscard]] std::string head_of(const Reply& reply, const ReplyFrame& frame);

[[nodiscard]] Reply error_reply(int status, const Error& error, std::string_view reason = {},
                                TimeNs retry_after_ns = 0);

// 400 for bad input and what is not supported, 404, 503, 504, 500.
[[nodiscard]] int status_of(Code code);

// A refused request: 429 or 503 with Retry-After where trying again helps, 504 for deadlines.
[[nodiscard]] Reply refusal_reply(const ports::Refusal& refusal, std::string_view model);

enum class Resource : std::uint8_t {
  kNone,
  kLive,
  kReady,
  kServer,
  kModel,
  kModelReady,
  kModelInfer,
  kModelConfig,
  kModelStatistics,
  kStatistics,  // of all models
  kRepositoryIndex,
  kRepositoryLoad,
  kRepositoryUnload,
  kRegionStatus,  // system shared memory; of one region where Route::region names it, else of all
  kRegionRegister,
  kRegionUnregister,
  kCudaStatus,
  kCudaRegister,
  kCudaUnregister,
  kMetrics,
  kStatus,
};

// What a request target names. The views point into the target.
struct Route {
  Resource resource = Resource::kNone;
  std::string_view model;
  std::optional<std::string_view> version;
  std::string_view region = {};  // of shared memory, as written: unescaped() is its name
};

// "a%20b" -> "a b"; nothing where an escape is broken.
[[nodiscard]] std::optional<std::string> unescaped(std::string_view text);

// The methods that a resource takes, as Allow lists them: "GET, HEAD" or "POST".
[[nodiscard]] std::string_view methods_of(Resource resource);

// The path of an origin-form or absolute-form target, looked up; a query is ignored.
[[nodiscard]] Route route_of(std::string_view target);

}  // namespace lichen::doors
