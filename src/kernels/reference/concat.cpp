// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/concat.hpp"

#include <cstring>

namespace lichen::kernels::reference {

void concat_piece(const Piece& piece, Index row, LookUp look_up, const std::uint8_t* in, std::uint8_t* out,
                  Index begin, Index end) {
  const auto width = static_cast<std::size_t>(piece.width);
  for (Index r = begin; r < end; ++r) {
    const std::uint8_t* from = in + r * piece.width;
    std::uint8_t* to = out + r * row + piece.offset;
    if (piece.same) std::memcpy(to, from, width);
    else look_up({from, width}, piece.table, to);
  }
}

}  // namespace lichen::kernels::reference
