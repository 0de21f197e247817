// SPDX-License-Identifier: Apache-2.0
// Judges answers by the contract of their model: whether they can be, whether two rungs say the same, how sure one is.
#pragma once

#include "ports/judge.hpp"
#include "protocol/contract.hpp"

namespace lichen::protocol {

class ContractJudge : public ports::Judge {
 public:
  // `contract` must outlive the judge.
  explicit ContractJudge(const Contract& contract) : contract_(contract) {}

  // Every element of a float tensor is finite, and every element is within its tensor's range, if the contract gives
  // one.
  [[nodiscard]] bool plausible(ByteView output) const override;
  // Probabilities: the same class in the first output (the first of equals). Else: each element of each output differs
  // by at most contract.tolerance times the largest magnitude of that tensor in either answer; booleans and tensors
  // without a tolerance must be equal.
  [[nodiscard]] bool agree(ByteView a, ByteView b) const override;
  [[nodiscard]] std::optional<Ppm> confidence(std::uint32_t rung, ByteView output) const override {
    return confidence_of(contract_, rung, output);
  }

 private:
  const Contract& contract_;
};

}  // namespace lichen::protocol
