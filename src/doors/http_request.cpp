// SPDX-License-Identifier: Apache-2.0
#include "doors/http_request.hpp"

#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "protocol/oip.hpp"

namespace lichen::doors {
namespace {

constexpr std::string_view kDeadlineField = "X-Lichen-Deadline-Ms";
constexpr std::size_t kShownBytesMax = 80;

// The one field of that name; nothing if it is not there, an error if it comes more than once.
Result<std::optional<std::string_view>> field_of(const HttpRequest& request, std::string_view name) {
  const auto range = request.equal_range(boost::beast::string_view(name.data(), name.size()));
  if (range.first == range.second) return std::nullopt;
  if (std::next(range.first) != range.second) {
    return fail(Code::kBadInput, "bad HTTP request", fmt::format("header {}", name), "it is given twice",
                "send it once");
  }
  return std_view(range.first->value());
}

}  // namespace

std::string shown(std::string_view text) {
  return std::string(text.substr(0, kShownBytesMax));
}

Result<std::optional<std::size_t>> json_length_of(const HttpRequest& request) {
  const std::optional<std::string_view> text = LICHEN_TRY(field_of(request, kJsonLengthField));
  if (!text) return std::nullopt;
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc() || end != text->data() + text->size()) {
    return fail(Code::kBadInput, "bad HTTP request", fmt::format("header {}", kJsonLengthField),
                fmt::format("'{}' is no length", shown(*text)), "set it to the number of bytes of the JSON");
  }
  return length;
}

Result<std::optional<TimeNs>> deadline_of(const HttpRequest& request) {
  const std::optional<std::string_view> text = LICHEN_TRY(field_of(request, kDeadlineField));
  if (!text) return std::nullopt;
  return LICHEN_TRY(protocol::parse_deadline_ms(*text, fmt::format("header {}", kDeadlineField)));
}

std::optional<protocol::ContentCoding> coding_of(const HttpRequest& request) {
  const auto text = field_of(request, "Content-Encoding");
  if (!text) return std::nullopt;
  return protocol::coding_named(text->value_or(std::string_view()));
}

protocol::ContentCoding accepted_coding_of(const HttpRequest& request) {
  const auto text = field_of(request, "Accept-Encoding");
  if (!text) return protocol::ContentCoding::kIdentity;
  return protocol::coding_accepted(text->value_or(std::string_view()));
}

}  // namespace lichen::doors
