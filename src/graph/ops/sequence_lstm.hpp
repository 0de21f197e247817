// SPDX-License-Identifier: Apache-2.0
// The places of SequenceLstm's inputs, which are those of TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM.
#pragma once

#include <cstddef>

namespace lichen::graph::sequence_lstm {

// Four gates each, in the order input, forget, cell, output. Without input gate weights (5 and 1) the input gate is
// 1 - forget ("coupled").
inline constexpr std::size_t kInput = 0;
inline constexpr std::size_t kInputWeights = 1;      // [cells, in]
inline constexpr std::size_t kRecurrentWeights = 5;  // [cells, outputs]
inline constexpr std::size_t kPeepholes = 9;         // input, forget, output: [cells]
inline constexpr std::size_t kBiases = 12;           // [cells]
inline constexpr std::size_t kProjection = 16;       // [outputs, cells]
inline constexpr std::size_t kProjectionBias = 17;   // [outputs]
inline constexpr std::size_t kOutputState = 18;      // [batch, outputs]
inline constexpr std::size_t kCellState = 19;        // [batch, cells]
inline constexpr std::size_t kNormalizations = 20;   // [cells]
inline constexpr std::size_t kInputs = 24;

}  // namespace lichen::graph::sequence_lstm
