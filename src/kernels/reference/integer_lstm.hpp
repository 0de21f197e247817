// SPDX-License-Identifier: Apache-2.0
// TFLite's LSTM of i8 with an i16 cell state: sums of the gates in q3.12, their answers in q0.15, as LiteRT's reference
// kernel computes them bit for bit.
#pragma once

#include <array>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

struct IntegerGate {
  const std::int8_t* x_weights = nullptr;  // [cells, in]
  const std::int8_t* h_weights = nullptr;  // [cells, outputs]
  const std::int32_t* x_bias = nullptr;    // [cells], zero points times weights taken off
  const std::int32_t* h_bias = nullptr;
  const std::int16_t* peephole = nullptr;       // [cells], or null
  const std::int16_t* normalization = nullptr;  // [cells], or null; then with `bias`, which x_bias lacks
  const std::int32_t* bias = nullptr;
  Multiplier x, h, cell, norm;  // of the sums above
  std::int32_t variance_min = 1;
};

struct IntegerLstm {
  Index in = 0, cells = 0, outputs = 0;
  std::array<IntegerGate, 4> gates;  // input, forget, cell, output; without x_weights the input gate is 1 - forget
  int cell_exponent = -15;           // the cell state's scale is 2 to this, -15 to -9
  std::int32_t cell_clip = 0;        // 0: none
  Multiplier hidden;                 // of output gate times activated cell
  std::int32_t hidden_zero_point = 0;
  const std::int8_t* projection = nullptr;  // [outputs, cells], or null
  const std::int32_t* projection_bias = nullptr;
  Multiplier projected;
  std::int32_t out_zero_point = 0;
  std::int32_t projection_clip = 0;  // 0: none
};

// One step of one sequence; h and c are replaced. `scratch`: 4 * cells, `hidden`: cells.
void lstm_step(const IntegerLstm& s, const std::int8_t* x, std::int8_t* h, std::int16_t* c, std::int16_t* scratch,
               std::int8_t* hidden);

}  // namespace lichen::kernels::reference
