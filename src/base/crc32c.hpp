// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720 appendix B.4), for framed files. Finds accidents, not attackers.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace lichen {

// The CRC of `bytes`, continuing from `crc` of what came before (0 at the start).
[[nodiscard]] std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

// The same without the CPU's instruction for it: what CPUs without it get, and what tests compare with.
[[nodiscard]] std::uint32_t crc32c_by_tables(ByteView bytes, std::uint32_t crc = 0);

}  // namespace lichen
