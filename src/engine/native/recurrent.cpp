// SPDX-License-Identifier: Apache-2.0
// Lstm, Gru and Rnn. For each direction: the products of the whole input, then step by step.
#include "kernels/reference/recurrent.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "engine/native/builders.hpp"
#include "engine/native/sharing.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using graph::Gate;
using graph::Op;
using kernels::Index;
using reference::GateActivation;

struct GateRow {
  Gate gate;
  reference::GateFunction run;
  float alpha, beta;  // where the model gives none
};

constexpr std::array kGates = {
    GateRow{Gate::kSigmoid, [](float x, float, float) { return 1.0F / (1.0F + std::exp(-x)); }, 0.0F, 0.0F},
    GateRow{Gate::kTanh, [](float x, float, float) { return std::tanh(x); }, 0.0F, 0.0F},
    GateRow{Gate::kRelu, [](float x, float, float) { return std::max(x, 0.0F); }, 0.0F, 0.0F},
    GateRow{Gate::kAffine, [](float x, float a, float b) { return a * x + b; }, 1.0F, 0.0F},
    GateRow{Gate::kLeakyRelu, [](float x, float a, float) { return x < 0.0F ? a * x : x; }, 0.01F, 0.0F},
    GateRow{Gate::kThresholdedRelu, [](float x, float a, float) { return x > a ? x : 0.0F; }, 1.0F, 0.0F},
    GateRow{Gate::kScaledTanh, [](float x, float a, float b) { return a * std::tanh(b * x); }, 1.0F, 1.0F},
    GateRow{Gate::kHardSigmoid, [](float x, float a, float b) { return std::min(std::max(a * x + b, 0.0F), 1.0F); },
            0.2F, 0.5F},
    GateRow{Gate::kElu, [](float x, float a, float) { return x < 0.0F ? a * (std::exp(x) - 1.0F) : x; }, 1.0F, 0.0F},
    GateRow{Gate::kSoftsign, [](float x, float, float) { return x / (1.0F + std::abs(x)); }, 0.0F, 0.0F},
    GateRow{Gate::kSoftplus, [](float x, float, float) { return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0F); },
            0.0F, 0.0F},
};

const GateRow& row_of(Gate gate) {
  return *std::ranges::find(kGates, gate, &GateRow::gate);
}
bool takes_alpha(Gate gate) {
  const std::array without = {Gate::kSigmoid, Gate::kTanh, Gate::kRelu, Gate::kSoftsign, Gate::kSoftplus};
  return std::ranges::find(without, gate) == without.end();
}
bool takes_beta(Gate gate) {
  return gate == Gate::kAffine || gate == Gate::kScaledTanh || gate == Gate::kHardSigmoid;
}

// The activations of all directions. Parameters are given to those that take some, in order.
std::vector<GateActivation> activations_of(Op op, const graph::RecurrentAttributes& a, std::size_t directions) {
  std::vector<Gate> gates = a.gates;
  for (std::size_t d = 0; a.gates.empty() && d < directions; ++d) {
    if (op != Op::kRnn) gates.push_back(Gate::kSigmoid);
    gates.push_back(Gate::kTanh);
    if (op == Op::kLstm) gates.push_back(Gate::kTanh);
  }
  std::vector<GateActivation> made;
  std::size_t alpha = 0;
  std::size_t beta = 0;
  for (const Gate gate : gates) {
    const GateRow& row = row_of(gate);
    GateActivation activation{row.run, row.alpha, row.beta};
    if (takes_alpha(gate) && alpha < a.alphas.size()) activation.alpha = a.alphas[alpha++];
    if (takes_beta(gate) && beta < a.betas.size()) activation.beta = a.betas[beta++];
    made.push_back(activation);
  }
  return made;
}

struct Plan {
  Op op = Op::kRnn;
  Index seq = 0, batch = 0, in = 0, hidden = 0, gates = 0, directions = 1;
  bool batch_first = false, reverse_first = false;
  std::vector<reference::RecurrentStep> steps;  // by direction, without weights

  [[nodiscard]] Index rows() const { return gates * hidden; }
  // Where things lie in their tensors.
  [[nodiscard]] Index x_at(Index t, Index n) const { return (batch_first ? n * seq + t : t * batch + n) * in; }
  [[nodiscard]] Index state_at(Index d, Index n) const {
    return (batch_first ? n * directions + d : d * batch + n) * hidden;
  }
  [[nodiscard]] Index all_at(Index t, Index d, Index n) const {
    return (batch_first ? (n * seq + t) * directions + d : (t * directions + d) * batch + n) * hidden;
  }
};

struct Scratch {
  float* products;  // [seq * batch, rows]
  float* h;
  float* c;
  float* extra;
};
std::size_t scratch_floats(const Plan& p) {
  return static_cast<std::size_t>(p.seq * p.batch * p.rows() + 3 * p.hidden);
}
Scratch scratch_of(const Plan& p, std::byte* bytes) {
  auto* floats = reinterpret_cast<float*>(bytes);
  float* states = floats + p.seq * p.batch * p.rows();
  return {floats, states, states + p.hidden, states + 2 * p.hidden};
}

// Products of the input with w, and the biases that can be added already.
void input_products(const Plan& p, const reference::RecurrentStep& step, Index d, const StepBuffers& b, float* products) {
  const float* w = b.in<float>(1) + d * p.rows() * p.in;
  const float* bias = b.in<float>(3) == nullptr ? nullptr : b.in<float>(3) + d * 2 * p.rows();
  // The recurrent bias of a Gru's candidate is inside of what the reset gate multiplies.
  const Index both = p.op == Op::kGru && step.linear_before_reset ? 2 * p.hidden : p.rows();
  const Index grain = std::max<Index>(1, kFloatMacsAPart / std::max<Index>(1, p.rows() * p.in));
  b.threads->parallel_for(p.seq * p.batch, grain, [&](Index begin, Index end) {
    for (Index at = begin; at < end; ++at) {
      float* to = products + at * p.rows();
      for (Index i = 0; i < p.rows(); ++i)
        to[i] = bias == nullptr ? 0.0F : i < both ? bias[i] + bias[p.rows() + i] : bias[i];
      reference::add_products(w, b.in<float>(0) + at * p.in, p.rows(), p.in, to);
    }
  });
}

void load_state(const float* from, Index at, Index count, float* to) {
  if (from == nullptr) {
    std::fill_n(to, count, 0.0F);
  } else {
    std::copy_n(from + at, count, to);
  }
}

// One sequence of one direction, `length` steps of it.
void run_sequence(const Plan& p, const reference::RecurrentStep& step, Index d, Index n, Index length,
                  const StepBuffers& b, const Scratch& s) {
  const bool backwards = p.reverse_first || d == 1;
  load_state(b.in<float>(5), p.state_at(d, n), p.hidden, s.h);
  load_state(b.in<float>(6), p.state_at(d, n), p.hidden, s.c);
  for (Index i = 0; i < length; ++i) {
    const Index t = backwards ? length - 1 - i : i;
    float* x = s.products + p.x_at(t, n) / p.in * p.rows();
    if (p.op == Op::kLstm) {
      reference::lstm_step(step, x, s.h, s.c);
    } else if (p.op == Op::kGru) {
      reference::gru_step(step, x, s.h, s.extra);
    } else {
      reference::rnn_step(step, x, s.h);
    }
    if (float* all = b.out<float>(0)) std::copy_n(s.h, p.hidden, all + p.all_at(t, d, n));
  }
  if (float* all = b.out<float>(0)) {
    for (Index t = length; t < p.seq; ++t) std::fill_n(all + p.all_at(t, d, n), p.hidden, 0.0F);
  }
  if (float* last = b.out<float>(1)) std::copy_n(s.h, p.hidden, last + p.state_at(d, n));
  if (float* last = b.out<float>(2)) std::copy_n(s.c, p.hidden, last + p.state_at(d, n));
}

void run_direction(const Plan& p, Index d, const StepBuffers& b) {
  const Scratch s = scratch_of(p, b.scratch);
  reference::RecurrentStep step = p.steps[static_cast<std::size_t>(d)];
  step.r = b.in<float>(2) + d * p.rows() * p.hidden;
  if (const float* bias = b.in<float>(3)) step.r_bias = bias + d * 2 * p.rows() + p.rows();
  if (const float* peephole = b.in<float>(7)) step.peephole = peephole + d * 3 * p.hidden;
  input_products(p, step, d, b, s.products);
  const auto* lengths = b.in<std::int32_t>(4);
  for (Index n = 0; n < p.batch; ++n)
    run_sequence(p, step, d, n, lengths == nullptr ? p.seq : std::clamp<Index>(lengths[n], 0, p.seq), b, s);
}

StepResult build(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::RecurrentAttributes>();
  const tensor::Shape& x = context.node.input(0).spec.shape;
  Plan p;
  p.op = context.node.node().op;
  p.seq = x[a.batch_first ? 1 : 0], p.batch = x[a.batch_first ? 0 : 1], p.in = std::max<Index>(1, x[2]);
  if (x[2] == 0) return not_computed(context);
  p.hidden = a.hidden;
  p.gates = p.op == Op::kLstm ? 4 : p.op == Op::kGru ? 3 : 1;
  p.directions = a.direction == graph::Direction::kBidirectional ? 2 : 1;
  p.batch_first = a.batch_first;
  p.reverse_first = a.direction == graph::Direction::kReverse;
  const auto directions = static_cast<std::size_t>(p.directions);
  const auto activations = activations_of(p.op, a, directions);
  const std::size_t each = activations.size() / directions;
  for (std::size_t d = 0; d < directions; ++d) {
    reference::RecurrentStep step;
    step.hidden = a.hidden;
    if (a.clip > 0.0F) step.clip = a.clip;
    step.f = activations[d * each];
    if (each > 1) step.g = activations[d * each + 1];
    if (each > 2) step.h = activations[d * each + 2];
    step.linear_before_reset = a.linear_before_reset;
    step.input_forget = a.input_forget;
    p.steps.push_back(step);
  }
  const std::string_view name = p.op == Op::kLstm  ? "lstm f32 reference"
                                : p.op == Op::kGru ? "gru f32 reference"
                                                   : "rnn f32 reference";
  return make_step(name, scratch_floats(p) * sizeof(float), [p = std::move(p)](const StepBuffers& b) {
    for (Index d = 0; d < p.directions; ++d) run_direction(p, d, b);
  });
}

constexpr std::array kBuilders = {Builder{Op::kGru, build}, Builder{Op::kLstm, build}, Builder{Op::kRnn, build}};

}  // namespace

std::span<const Builder> recurrent_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
