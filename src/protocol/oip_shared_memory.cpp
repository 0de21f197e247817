// SPDX-License-Identifier: Apache-2.0
#include "protocol/oip_shared_memory.hpp"

#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/json.hpp"
#include "protocol/json_cursor.hpp"

namespace lichen::protocol {
namespace {

constexpr std::string_view kSource = "request body";

std::unexpected<Error> bad(std::string where, std::string why, std::string hint) {
  return fail(Code::kBadInput, "bad shared memory request", std::move(where), std::move(why), std::move(hint));
}

class RegionParser {
 public:
  explicit RegionParser(std::string_view body) : cursor_(body, kSource) {}

  Result<RegionRequest> parse() {
    LICHEN_TRY(cursor_.each_member([&](const std::string& key) { return member(key); }));
    LICHEN_TRY(cursor_.expect_end());
    if (region_.key.empty()) return bad(std::string(kSource), "\"key\" is missing", "send the region's name");
    if (region_.bytes == 0) return bad(std::string(kSource), "\"byte_size\" is missing or 0", "send the region's length");
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (region_.bytes > kMax - region_.offset)
      return bad(std::string(kSource), "offset and byte_size are beyond 63 bits together", "send the region's length");
    return std::move(region_);
  }

 private:
  Result<void> member(const std::string& key) {
    if (key == "key") return text();
    if (key == "offset") return number(key, region_.offset);
    if (key == "byte_size") return number(key, region_.bytes);
    return cursor_.skip();
  }
  Result<void> text() {
    region_.key = LICHEN_TRY(cursor_.string());
    return {};
  }
  Result<void> number(const std::string& key, std::uint64_t& target) {
    const std::string where = cursor_.where();
    const std::int64_t value = LICHEN_TRY(cursor_.integer());
    if (value < 0) return bad(where, fmt::format("\"{}\" is {}", key, value), "send 0 or more");
    target = static_cast<std::uint64_t>(value);
    return {};
  }

  JsonCursor cursor_;
  RegionRequest region_;
};

}  // namespace

Result<RegionRequest> parse_region_request(std::string_view body) {
  return RegionParser(body).parse();
}

std::string encode_region_status(std::span<const RegionStatus> regions) {
  Json all = Json::array();
  for (const RegionStatus& status : regions) {
    all.push_back({{"name", status.name},
                   {"key", status.region->key},
                   {"offset", status.region->offset},
                   {"byte_size", status.region->bytes}});
  }
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lichen::protocol
