// SPDX-License-Identifier: Apache-2.0
// What a device remembers over restarts: how often it booted, and which rungs' breakers were open. Kept in a StateFile;
// this is only its byte format.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace lichen::device {

inline constexpr std::size_t kStateModelsMax = 64;

struct DeviceState {
  std::uint64_t boot_id = 0;                             // counts starts of the agent; 0: never started
  std::vector<std::vector<std::uint32_t>> times_opened;  // per model and rung: Breaker::times_opened()

  friend bool operator==(const DeviceState&, const DeviceState&) = default;
};

[[nodiscard]] Bytes encode(const DeviceState& state);
// Fails with Code::kDataLoss on anything that encode() did not write.
[[nodiscard]] Result<DeviceState> decode(ByteView bytes);

}  // namespace lichen::device
