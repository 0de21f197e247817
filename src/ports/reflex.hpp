// SPDX-License-Identifier: Apache-2.0
// The last rung of a ladder: a small table that is evaluated in the agent itself, at once, and cannot crash.
#pragma once

#include <span>

#include "base/bytes.hpp"

namespace lichen::ports {

class Reflex {
 public:
  virtual ~Reflex();
  // Answers one request: `input` and `output` hold the contract's tensors, dense and in order. Microseconds, no
  // allocation. False if this input has no answer (a NaN, for example); `output` is then undefined.
  [[nodiscard]] virtual bool evaluate(ByteView input, std::span<std::byte> output) = 0;
};

}  // namespace lichen::ports
