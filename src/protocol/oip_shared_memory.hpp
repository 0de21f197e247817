// SPDX-License-Identifier: Apache-2.0
// Codec of the system shared memory extension of the Open Inference Protocol. No memory is touched here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace lichen::protocol {

// What a client registers under a name.
struct RegionRequest {
  std::string key;  // "/name", as of shm_open
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // above 0; offset + bytes fits an int64
};
[[nodiscard]] Result<RegionRequest> parse_region_request(std::string_view body);

struct RegionStatus {
  std::string_view name;
  const RegionRequest* region = nullptr;
};
[[nodiscard]] std::string encode_region_status(std::span<const RegionStatus> regions);

// A part of a registered region, as an input or output names it.
struct SharedPlace {
  std::string region;
  std::uint64_t offset = 0;  // within the region
  std::uint64_t bytes = 0;
};

}  // namespace lichen::protocol
