// SPDX-License-Identifier: Apache-2.0
// State tensors of SVDF and the LSTM. Internal to this folder.
#pragma once

#include "formats/tflite_incoming.hpp"
#include "formats/tflite_outgoing.hpp"

namespace lichen::formats {

struct State {
  std::int32_t variable = 0;
  graph::TensorId value = graph::kNoTensor;  // what the variable holds before the operator
};

// What a state tensor without data starts as where that is not 0: LiteRT's of i8 start at the zero point.
[[nodiscard]] std::optional<tensor::Data> first_state(const graph::Tensor& tensor);

// The value of a state tensor: a node that reads its variable.
[[nodiscard]] Result<State> read_state(Incoming& in, graph::TensorId id);
// A tensor for the state after the operator; the caller adds AssignVariable behind its node.
[[nodiscard]] graph::TensorId assign_state(Incoming& in, const State& state);

}  // namespace lichen::formats
