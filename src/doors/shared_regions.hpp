// SPDX-License-Identifier: Apache-2.0
// The shared memory extensions of the REST door: regions that clients registered, and copying tensors out of and into
// them. CUDA memory is not offered: its list is empty and registering is refused.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "doors/http_message.hpp"
#include "ports/shared_memory.hpp"
#include "protocol/oip.hpp"
#include "protocol/oip_shared_memory.hpp"

namespace lichen::doors {

struct RegionLimits {
  std::size_t regions_max = 64;
  std::uint64_t bytes_max = std::uint64_t{4} << 30;  // of all regions together
};

class SharedRegions {
 public:
  // Without `memory` everything but the (empty) list is refused.
  SharedRegions(ports::SharedMemory* memory, const RegionLimits& limits) : memory_(memory), limits_(limits) {}

  // A request for one of the extensions. `owner`: the user behind a Unix socket, whose own regions are the only ones
  // that he may register.
  [[nodiscard]] Reply handle(const Route& route, std::string_view body, std::optional<std::uint32_t> owner);

  // Fills those inputs of the request that are in shared memory.
  [[nodiscard]] Result<void> read_inputs(const protocol::Contract& contract, protocol::ParsedInfer& request);
  // Writes those outputs that go to shared memory.
  [[nodiscard]] Result<void> write_outputs(const protocol::Contract& contract, const protocol::ParsedInfer& request,
                                           ByteView output);

 private:
  struct Region {
    protocol::RegionRequest request;
    std::unique_ptr<ports::SharedRegion> memory;
  };
  [[nodiscard]] Reply status(std::string_view name) const;
  [[nodiscard]] Reply enroll(const std::string& name, std::string_view body, std::optional<std::uint32_t> owner);
  [[nodiscard]] Result<void> add(const std::string& name, std::string_view body, std::optional<std::uint32_t> owner);
  [[nodiscard]] Reply remove(const std::string& name);
  // The region that holds the place, and the place's offset in its memory.
  struct Spot {
    ports::SharedRegion* memory = nullptr;
    std::uint64_t offset = 0;
  };
  [[nodiscard]] Result<Spot> spot_of(const protocol::SharedPlace& place, std::string_view where);

  ports::SharedMemory* memory_;
  RegionLimits limits_;
  std::map<std::string, Region, std::less<>> regions_;
  std::uint64_t bytes_ = 0;
};

}  // namespace lichen::doors
