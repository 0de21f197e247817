// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <fmt/format.h>

namespace lichen {
namespace {

// The first byte at which brackets nest deeper than `depth_max`, or npos. Strings are skipped.
std::size_t too_deep_at(std::string_view text, std::size_t depth_max) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if ((c == '[' || c == '{') && ++depth > depth_max) return i;
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return std::string_view::npos;
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view where, std::size_t depth_max) {
  if (const std::size_t at = too_deep_at(text, depth_max); at != std::string_view::npos) {
    return fail(Code::kBadInput, "bad JSON", fmt::format("{}, byte {}", where, at),
                fmt::format("nested deeper than {}", depth_max), "flatten the document");
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& e) {
    const std::size_t at = e.byte > 0 ? e.byte - 1 : 0;
    const char* why = text.empty()        ? "it is empty"
                      : at >= text.size() ? "it ends too early"
                                          : "not valid JSON from here";
    return fail(Code::kBadInput, "bad JSON", fmt::format("{}, byte {}", where, at), why,
                "send one UTF-8 JSON document");
  } catch (const std::exception&) {
    return fail(Code::kBadInput, "bad JSON", std::string(where), "a number or string in it cannot be represented");
  }
}

Json to_json(const Error& error) {
  return {{"code", name_of(error.code)},
          {"what", error.what},
          {"where", error.where},
          {"why", error.why},
          {"try", error.hint}};
}

}  // namespace lichen
