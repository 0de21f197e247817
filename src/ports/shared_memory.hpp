// SPDX-License-Identifier: Apache-2.0
// Memory that a client shares by name: opened once, then copied out of and into. It is never mapped, so whatever its
// owner does to it (truncates, removes, fills it while it is read) is an error or other bytes here, never a fault.
//
// Synchronous, unlike the other ports: implementations take only memory that the system keeps in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace lichen::ports {

class SharedRegion {
 public:
  virtual ~SharedRegion();
  // Fills `out` from there. kBadInput: the region has become shorter than that.
  [[nodiscard]] virtual Result<void> read(std::uint64_t offset, std::span<std::byte> out) = 0;
  // The same for writing; a region that has become shorter is not made longer.
  [[nodiscard]] virtual Result<void> write(std::uint64_t offset, ByteView bytes) = 0;
};

class SharedMemory {
 public:
  virtual ~SharedMemory();
  // Opens the region called `key` ("/name", as of shm_open), which must be at least `bytes` long and belong to user
  // `owner`, where one is given. Errors: kNotFound, kBadInput, kUnsupported (not permitted, not such memory).
  [[nodiscard]] virtual Result<std::unique_ptr<SharedRegion>> open(std::string_view key, std::uint64_t bytes,
                                                                   std::optional<std::uint32_t> owner) = 0;
};

}  // namespace lichen::ports
