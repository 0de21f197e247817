// SPDX-License-Identifier: Apache-2.0
// What can be said of a transpose without doing it.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/spec.hpp"

namespace lichen::tensor {

// Does it leave every element where it is? It does where all axes longer than 1 keep their order. Output axis i is input
// axis permutation[i]; a list that is no permutation of the shape's axes does not.
[[nodiscard]] inline bool permutes_nothing(const Shape& shape, std::span<const std::int32_t> permutation) {
  if (!shape.known() || permutation.size() != shape.rank()) return false;
  std::int32_t last = -1;
  for (const std::int32_t axis : permutation) {
    if (axis < 0 || static_cast<std::size_t>(axis) >= shape.rank()) return false;
    if (shape[static_cast<std::size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

}  // namespace lichen::tensor
