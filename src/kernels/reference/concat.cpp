// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/concat.hpp"

namespace lichen::kernels::reference {

void concat_piece(const Piece& piece, Index row, const std::uint8_t* in, std::uint8_t* out, Index begin, Index end) {
  for (Index r = begin; r < end; ++r) {
    const std::uint8_t* from = in + r * piece.width;
    std::uint8_t* to = out + r * row + piece.offset;
    for (Index i = 0; i < piece.width; ++i) to[i] = piece.table[from[i]];
  }
}

}  // namespace lichen::kernels::reference
