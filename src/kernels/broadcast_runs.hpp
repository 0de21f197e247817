// SPDX-License-Identifier: Apache-2.0
// A broadcast of two inputs as runs: stretches of the output along which each input either goes along element by
// element or stays where it is. Kernels compute runs; what is around them is counted here.
#pragma once

#include <array>

#include "kernels/reference/binary.hpp"

namespace lichen::kernels {

struct BroadcastRuns {
  Index length = 1;                // elements of a run
  Index step_a = 0, step_b = 0;    // within a run: 0 or 1
  Index count = 1;                 // runs
  std::size_t rank = 0;            // of what is around the runs, outermost first
  std::array<Index, tensor::kRankMax> dims{}, strides_a{}, strides_b{};
};
[[nodiscard]] BroadcastRuns runs_of(const reference::Broadcast& shape);

// Where run number `run` begins in a and b.
struct RunPlace {
  Index a = 0, b = 0;
};
[[nodiscard]] RunPlace place_of(const BroadcastRuns& runs, Index run);

}  // namespace lichen::kernels
