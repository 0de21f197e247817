// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/recurrent.hpp"

#include <array>
#include <cmath>

namespace lichen::kernels::reference {
namespace {

float clipped(float x, float clip) {
  return std::min(std::max(x, -clip), clip);
}

}  // namespace

void add_products(const float* weights, const float* x, Index rows, Index depth, float* to) {
  constexpr std::size_t kLanes = 8;  // sums beside each other, so that it vectorizes
  for (Index row = 0; row < rows; ++row, weights += depth) {
    std::array<float, kLanes> lanes{};
    Index i = 0;
    for (; i + static_cast<Index>(kLanes) <= depth; i += static_cast<Index>(kLanes)) {
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        lanes[lane] += weights[i + static_cast<Index>(lane)] * x[i + static_cast<Index>(lane)];
    }
    float sum = 0.0F;
    for (const float lane : lanes) sum += lane;
    for (; i < depth; ++i) sum += weights[i] * x[i];
    to[row] += sum;
  }
}

// Gates lie in the order input, output, forget, cell.
void lstm_step(const RecurrentStep& s, float* x, float* h, float* c) {
  const Index n = s.hidden;
  add_products(s.r, h, 4 * n, n, x);
  for (Index i = 0; i < n; ++i) {
    const float* p = s.peephole;
    const float in_sum = x[i] + (p == nullptr ? 0.0F : p[i] * c[i]);
    const float forget_sum = x[2 * n + i] + (p == nullptr ? 0.0F : p[2 * n + i] * c[i]);
    const float in = s.f(clipped(in_sum, s.clip));
    const float forget = s.input_forget ? 1.0F - in : s.f(clipped(forget_sum, s.clip));
    const float candidate = s.g(clipped(x[3 * n + i], s.clip));
    c[i] = forget * c[i] + in * candidate;
    const float out_sum = x[n + i] + (p == nullptr ? 0.0F : p[n + i] * c[i]);
    h[i] = s.f(clipped(out_sum, s.clip)) * s.h(c[i]);
  }
}

// Gates lie in the order update, reset, candidate.
void gru_step(const RecurrentStep& s, float* x, float* h, float* scratch) {
  const Index n = s.hidden;
  add_products(s.r, h, 2 * n, n, x);
  for (Index i = 0; i < 2 * n; ++i) x[i] = s.f(clipped(x[i], s.clip));
  const float* reset = x + n;
  float* candidate = x + 2 * n;
  if (s.linear_before_reset) {
    for (Index i = 0; i < n; ++i) scratch[i] = s.r_bias == nullptr ? 0.0F : s.r_bias[2 * n + i];
    add_products(s.r + 2 * n * n, h, n, n, scratch);
    for (Index i = 0; i < n; ++i) candidate[i] += reset[i] * scratch[i];
  } else {
    for (Index i = 0; i < n; ++i) scratch[i] = reset[i] * h[i];
    add_products(s.r + 2 * n * n, scratch, n, n, candidate);
  }
  for (Index i = 0; i < n; ++i) {
    const float value = s.g(clipped(candidate[i], s.clip));
    h[i] = (1.0F - x[i]) * value + x[i] * h[i];
  }
}

void rnn_step(const RecurrentStep& s, float* x, float* h) {
  add_products(s.r, h, s.hidden, s.hidden, x);
  for (Index i = 0; i < s.hidden; ++i) h[i] = s.f(clipped(x[i], s.clip));
}

}  // namespace lichen::kernels::reference
