// SPDX-License-Identifier: Apache-2.0
// One input of a Concat whose scale is not the output's.
#pragma once

#include <array>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

using ByteTable = std::array<std::uint8_t, 256>;  // by the input's byte

struct Piece {
  Index offset = 0;  // in a row of the output
  Index width = 0;   // of a row of the input
  ByteTable table{};
};

// Rows [begin, end); `row`: bytes of a row of the output.
void concat_piece(const Piece& piece, Index row, const std::uint8_t* in, std::uint8_t* out, Index begin, Index end);

}  // namespace lichen::kernels::reference
