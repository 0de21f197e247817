// SPDX-License-Identifier: Apache-2.0
// What the answers of one model mean, for a ladder that otherwise sees only bytes. Pure functions of their arguments:
// the same bytes are judged the same, always. Outputs are in the contract's order and layout, as in ports::Answer.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/units.hpp"

namespace lichen::ports {

class Judge {
 public:
  virtual ~Judge();
  // Could the model have given this? False: not a number, infinite, or outside the range that the contract states.
  [[nodiscard]] virtual bool plausible(ByteView output) const = 0;
  // Two rungs' answers to one input say the same: the same class, or numbers within the tolerance.
  [[nodiscard]] virtual bool agree(ByteView a, ByteView b) const = 0;
  // How sure rung `rung` is of it, calibrated, so that rungs can be compared; nothing where answers have no confidence.
  [[nodiscard]] virtual std::optional<Ppm> confidence(std::uint32_t rung, ByteView output) const = 0;
};

}  // namespace lichen::ports
