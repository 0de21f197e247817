// SPDX-License-Identifier: Apache-2.0
// One input of a Concat of bytes whose scales are not all the same.
#pragma once

#include "kernels/geometry.hpp"
#include "kernels/reference/unary.hpp"

namespace lichen::kernels::reference {

struct Piece {
  Index offset = 0;  // in a row of the output
  Index width = 0;   // of a row of the input
  bool same = false;  // as the output's: bytes stay as they are
  ByteTable table{};
};

// Rows [begin, end); `row`: bytes of a row of the output.
void concat_piece(const Piece& piece, Index row, LookUp look_up, const std::uint8_t* in, std::uint8_t* out,
                  Index begin, Index end);

}  // namespace lichen::kernels::reference
