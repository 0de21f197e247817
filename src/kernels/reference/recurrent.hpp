// SPDX-License-Identifier: Apache-2.0
// Recurrent layers as ONNX defines them, in f32, one direction at a time. The products of the input are made for all
// steps together by whoever calls; a step then multiplies the hidden state only.
#pragma once

#include <span>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

// An activation of a gate with its parameters.
using GateFunction = float (*)(float x, float alpha, float beta);
struct GateActivation {
  GateFunction run = nullptr;
  float alpha = 0.0F, beta = 0.0F;
  [[nodiscard]] float operator()(float x) const { return run(x, alpha, beta); }
};

struct RecurrentStep {
  Index hidden = 1;
  float clip = std::numeric_limits<float>::infinity();
  GateActivation f, g, h;          // ONNX's, in its order
  const float* r = nullptr;        // [gates * hidden, hidden]
  const float* r_bias = nullptr;   // [gates * hidden], or null; Gru with linear_before_reset needs it apart
  const float* peephole = nullptr;  // Lstm: [3 * hidden], input, output, forget; or null
  bool linear_before_reset = false;
  bool input_forget = false;
};

// One step of one sequence. x: [gates * hidden] products of the input with both biases (of Gru: without r_bias of the
// candidate where it is linear before the reset); made use of as scratch. h and c: the state, replaced. `scratch`: hidden.
void lstm_step(const RecurrentStep& s, float* x, float* h, float* c);
void gru_step(const RecurrentStep& s, float* x, float* h, float* scratch);
void rnn_step(const RecurrentStep& s, float* x, float* h);

// to[i] += dot(weights[i], x), rows of `depth`.
void add_products(const float* weights, const float* x, Index rows, Index depth, float* to);

}  // namespace lichen::kernels::reference
