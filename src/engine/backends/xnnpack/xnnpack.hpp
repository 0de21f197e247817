// SPDX-License-Identifier: Apache-2.0
// XNNPACK's operators as steps of our plan: memory, order and weights' lifetime stay with the session. For ops and CPUs
// that we have no vector kernel for. Optional when building (LICHEN_XNNPACK): without it no step is ever offered.
//
// XNNPACK rounds integers differently from LiteRT's reference kernels: within 1 LSB of the exact answer. Such steps say
// so in their kernel's name, and are offered only where BuildContext::inexact_i8 allows it.
#pragma once

#include "engine/native/builders.hpp"

namespace lichen::engine {

// Asks XNNPACK to look at the CPU, which reads files: a process that enters a sandbox does it before. Safe to call any
// number of times. False: not built in, or this CPU is not good enough for it.
bool start_xnnpack();

// A null step where XNNPACK has no operator for this node, or may not be used for it; not an error.
[[nodiscard]] StepResult xnnpack_step(const BuildContext& context);

}  // namespace lichen::engine
