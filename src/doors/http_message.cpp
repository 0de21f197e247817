// SPDX-License-Identifier: Apache-2.0
#include "doors/http_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "protocol/oip.hpp"

namespace lichen::doors {
namespace {

constexpr std::size_t kSegmentsMax = 6;  // v2/models/M/versions/V/infer

std::string_view phrase_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

struct RefusalText {
  int status;
  Code code;
  std::string_view why;
  std::string_view hint;
};

RefusalText text_of(ports::RefusalReason reason) {
  using ports::RefusalReason;
  switch (reason) {
    case RefusalReason::kOverloaded:
      return {429, Code::kExhausted, "the device has more requests than it can answer in time",
              "send fewer, or try again later"};
    case RefusalReason::kDeadlineTooShort:
      return {504, Code::kDeadlineExceeded, "no rung that is allowed can answer before the deadline",
              "allow more time, or a lower lichen_min_rung"};
    case RefusalReason::kDeadlineExceeded:
      return {504, Code::kDeadlineExceeded, "no rung that is allowed answered before the deadline",
              "allow more time, or a lower lichen_min_rung"};
    case RefusalReason::kNoRungAvailable:
      return {503, Code::kUnavailable, "no rung of this model can answer now",
              "try again later; GET /lichen/v1/status tells more"};
    case RefusalReason::kMinRungUnavailable:
      return {503, Code::kUnavailable, "only rungs below the lichen_min_rung asked for can answer now",
              "try again later, or allow a lower rung"};
    case RefusalReason::kStopping:
      return {503, Code::kUnavailable, "the device is shutting down", "try again after it has started"};
    case RefusalReason::kNoMajority:
      return {503, Code::kUnavailable, "the rungs that vote on this model did not agree",
              "do not act on this input; GET /lichen/v1/status tells which rungs are outvoted"};
    case RefusalReason::kInputRefused:
      return {400, Code::kBadInput, "the model could do nothing with this input: it refused it, or answered what cannot be",
              "look for NaN, infinities and values that the model was not made for"};
  }
  return {500, Code::kInternal, "refused without a reason", "report this as a bug"};
}

// Splits "/a/b/c"; nothing for a path that has more segments than any resource.
std::optional<std::size_t> split(std::string_view path, std::array<std::string_view, kSegmentsMax>& segments) {
  std::size_t count = 0;
  while (!path.empty()) {
    if (path.front() != '/' || count == kSegmentsMax) return std::nullopt;
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    segments[count++] = path.substr(0, end);
    path.remove_prefix(end);
  }
  return count;
}

std::string_view path_of(std::string_view target) {
  if (const std::size_t scheme = target.find("://"); !target.starts_with('/') && scheme != std::string_view::npos) {
    const std::size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target.substr(0, target.find_first_of("?#"));
}

Resource model_resource(std::string_view action) {
  if (action.empty()) return Resource::kModel;
  if (action == "ready") return Resource::kModelReady;
  if (action == "infer") return Resource::kModelInfer;
  if (action == "config") return Resource::kModelConfig;
  if (action == "stats") return Resource::kModelStatistics;
  return Resource::kNone;
}

struct RegionAction {
  std::string_view name;
  Resource system;
  Resource cuda;
};
constexpr std::array<RegionAction, 3> kRegionActions = {{
    {"status", Resource::kRegionStatus, Resource::kCudaStatus},
    {"register", Resource::kRegionRegister, Resource::kCudaRegister},
    {"unregister", Resource::kRegionUnregister, Resource::kCudaUnregister},
}};

using Segments = std::array<std::string_view, kSegmentsMax>;

// Behind /v2/repository/.
Route repository_route(const Segments& segments, std::size_t count) {
  if (count == 3 && segments[2] == "index") return {Resource::kRepositoryIndex, {}, {}};
  if (count != 5 || segments[2] != "models") return {};
  if (segments[4] == "load") return {Resource::kRepositoryLoad, segments[3], {}};
  if (segments[4] == "unload") return {Resource::kRepositoryUnload, segments[3], {}};
  return {};
}

// Behind /v2/systemsharedmemory/ and /v2/cudasharedmemory/: [region/NAME/]ACTION.
Route region_route(const Segments& segments, std::size_t count, bool system) {
  const bool one = count == 5 && segments[2] == "region" && !segments[3].empty();
  if (count != 3 && !one) return {};
  for (const RegionAction& action : kRegionActions) {
    if (segments[count - 1] != action.name) continue;
    if (action.system == Resource::kRegionRegister && !one) return {};
    return {system ? action.system : action.cuda, {}, {}, one ? segments[3] : std::string_view()};
  }
  return {};
}

// Behind /v2/models/.
Route model_route(const Segments& segments, std::size_t count) {
  if (count == 3 && segments[2] == "stats") return {Resource::kStatistics, {}, {}};
  Route route{Resource::kNone, segments[2], {}};
  std::size_t next = 3;
  if (segments[next] == "versions") {
    if (count < 5) return {};
    route.version = segments[4];
    next = 5;
  }
  if (count > next + 1) return {};
  route.resource = model_resource(count == next ? std::string_view{} : segments[next]);
  return route;
}

}  // namespace

std::optional<std::string> unescaped(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain.push_back(text[i]);
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2) return std::nullopt;
    plain.push_back(static_cast<char>(value));
    i += 2;
  }
  return plain;
}

std::string_view methods_of(Resource resource) {
  switch (resource) {
    case Resource::kModelInfer:
    case Resource::kRepositoryIndex:
    case Resource::kRepositoryLoad:
    case Resource::kRepositoryUnload:
    case Resource::kRegionRegister:
    case Resource::kRegionUnregister:
    case Resource::kCudaRegister:
    case Resource::kCudaUnregister:
      return "POST";
    default:
      return "GET, HEAD";
  }
}

std::string head_of(const Reply& reply, const ReplyFrame& frame) {
  std::string head;
  head.reserve(256);
  fmt::format_to(
      std::back_inserter(head),
      "HTTP/1.{} {} {}\r\nServer: lichen\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n",
      frame.http_1_0 ? 0 : 1, reply.status, phrase_of(reply.status), reply.content_type, reply.body.size());
  for (const auto& [name, value] : reply.headers) fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  if (!frame.keep_alive) {
    head += "Connection: close\r\n";
  } else if (frame.http_1_0) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  return head;
}

Reply error_reply(int status, const Error& error, std::string_view reason, TimeNs retry_after_ns) {
  Reply reply;
  reply.status = status;
  reply.body = protocol::encode_error(error, reason, retry_after_ns);
  return reply;
}

int status_of(Code code) {
  switch (code) {
    case Code::kBadInput:
    case Code::kUnsupported:
      return 400;
    case Code::kNotFound:
      return 404;
    case Code::kExhausted:
    case Code::kUnavailable:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    case Code::kDataLoss:
    case Code::kIo:
    case Code::kInternal:
      return 500;
  }
  return 500;
}

Reply refusal_reply(const ports::Refusal& refusal, std::string_view model) {
  const RefusalText text = text_of(refusal.reason);
  std::string hint(text.hint);
  if (refusal.retry_after_ns > 0) {
    hint += fmt::format(" (in about {} ms)", (refusal.retry_after_ns + kMillisecondNs - 1) / kMillisecondNs);
  }
  const Error error{text.code, "request refused", fmt::format("model {}", model), std::string(text.why),
                    std::move(hint)};
  Reply reply = error_reply(text.status, error, ports::name_of(refusal.reason), refusal.retry_after_ns);
  if (text.status == 503 || text.status == 429) {  // whole seconds are all that HTTP has
    const TimeNs seconds = (refusal.retry_after_ns + kSecondNs - 1) / kSecondNs;
    reply.headers.emplace_back("Retry-After", fmt::format("{}", std::max<TimeNs>(seconds, 1)));
  }
  return reply;
}

Route route_of(std::string_view target) {
  const std::string_view path = path_of(target);
  if (path == "/v2/health/live") return {Resource::kLive, {}, {}};
  if (path == "/v2/health/ready") return {Resource::kReady, {}, {}};
  if (path == "/v2" || path == "/v2/") return {Resource::kServer, {}, {}};
  if (path == "/metrics") return {Resource::kMetrics, {}, {}};
  if (path == "/lichen/v1/status") return {Resource::kStatus, {}, {}};

  Segments segments;
  const std::optional<std::size_t> count = split(path, segments);
  if (!count || *count < 3 || segments[0] != "v2") return {};
  if (segments[1] == "models") return model_route(segments, *count);
  if (segments[1] == "systemsharedmemory") return region_route(segments, *count, true);
  if (segments[1] == "cudasharedmemory") return region_route(segments, *count, false);
  if (segments[1] == "repository") return repository_route(segments, *count);
  return {};
}

}  // namespace lichen::doors
