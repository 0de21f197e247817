// SPDX-License-Identifier: Apache-2.0
#include "kernels/broadcast_runs.hpp"

namespace lichen::kernels {

BroadcastRuns runs_of(const reference::Broadcast& shape) {
  // Axes of size 1 vanish; an axis joins the one inside of it where both inputs go on as if it were one axis.
  BroadcastRuns joined;
  for (std::size_t axis = 0; axis < shape.rank; ++axis) {
    if (shape.dims[axis] == 1) continue;
    if (joined.rank > 0) {
      const std::size_t last = joined.rank - 1;
      if (joined.strides_a[last] == shape.strides_a[axis] * shape.dims[axis] &&
          joined.strides_b[last] == shape.strides_b[axis] * shape.dims[axis]) {
        joined.dims[last] *= shape.dims[axis];
        joined.strides_a[last] = shape.strides_a[axis];
        joined.strides_b[last] = shape.strides_b[axis];
        continue;
      }
    }
    joined.dims[joined.rank] = shape.dims[axis];
    joined.strides_a[joined.rank] = shape.strides_a[axis];
    joined.strides_b[joined.rank] = shape.strides_b[axis];
    ++joined.rank;
  }
  if (joined.rank == 0) return joined;
  --joined.rank;  // the innermost axis is the run
  joined.length = joined.dims[joined.rank];
  joined.step_a = joined.strides_a[joined.rank];
  joined.step_b = joined.strides_b[joined.rank];
  for (std::size_t axis = 0; axis < joined.rank; ++axis) joined.count *= joined.dims[axis];
  return joined;
}

RunPlace place_of(const BroadcastRuns& runs, Index run) {
  RunPlace place;
  for (std::size_t axis = runs.rank; axis-- > 0; run /= runs.dims[axis]) {
    place.a += run % runs.dims[axis] * runs.strides_a[axis];
    place.b += run % runs.dims[axis] * runs.strides_b[axis];
  }
  return place;
}

}  // namespace lichen::kernels
