// SPDX-License-Identifier: Apache-2.0
// Bodies and targets of the REST door's smaller requests, from anybody: whatever the bytes, the parsers return, and what
// they accept is within its limits.
//
// The first byte chooses the parser.
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/assert.hpp"
#include "doors/http_message.hpp"
#include "protocol/oip_model.hpp"
#include "protocol/oip_shared_memory.hpp"

namespace {

using namespace lichen;

void check_region(std::string_view bytes) {
  const auto region = protocol::parse_region_request(bytes);
  if (!region) return;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  LICHEN_ASSERT(!region->key.empty() && region->bytes > 0 && region->offset <= kMax - region->bytes);
  const protocol::RegionStatus status{"r", &*region};
  LICHEN_ASSERT(!protocol::encode_region_status({&status, 1}).empty());
}

void check_target(std::string_view bytes) {
  const doors::Route route = doors::route_of(bytes);
  LICHEN_ASSERT(route.model.size() + route.region.size() <= bytes.size());
  LICHEN_ASSERT(!doors::methods_of(route.resource).empty());
  const auto name = doors::unescaped(route.region);
  LICHEN_ASSERT(!name || name->size() <= route.region.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      check_region(bytes);
      break;
    case 1:
      (void)protocol::parse_index_request(bytes);
      break;
    case 2:
      (void)protocol::check_load_request(bytes);
      break;
    default:
      check_target(bytes);
      break;
  }
  return 0;
}
