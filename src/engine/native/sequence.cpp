// SPDX-License-Identifier: Apache-2.0
// SequenceLstm and Svdf in f32.
#include <array>
#include <cmath>
#include <cstring>

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "graph/ops/sequence_lstm.hpp"
#include "kernels/reference/recurrent.hpp"

namespace lichen::engine {
namespace {

namespace at = graph::sequence_lstm;
using kernels::Index;
using kernels::reference::add_products;

struct LstmPlan {
  Index steps = 0, batch = 0, in = 0, cells = 0, outputs = 0;
  bool time_major = false;
  graph::Activation activation = graph::Activation::kTanh;
  float cell_clip = 0.0F, projection_clip = 0.0F;
};

float activated(graph::Activation activation, float x) {
  if (activation == graph::Activation::kTanh) return std::tanh(x);
  const kernels::FloatRange range = range_of(activation);
  return std::min(std::max(x, range.min), range.max);
}

float sigmoid(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}

void clip(float limit, Index count, float* values) {
  if (limit <= 0.0F) return;
  for (Index i = 0; i < count; ++i) values[i] = std::min(std::max(values[i], -limit), limit);
}

// To mean 0 and variance 1, times the coefficients, plus the bias.
void normalize(const float* coefficients, const float* bias, Index count, float* x) {
  constexpr float kEpsilon = 1e-8F;
  float sum = 0.0F;
  float squares = 0.0F;
  for (Index i = 0; i < count; ++i) {
    sum += x[i];
    squares += x[i] * x[i];
  }
  const float mean = sum / static_cast<float>(count);
  const float variance = squares / static_cast<float>(count) - mean * mean;
  const float inverse = 1.0F / std::sqrt(variance == 0.0F ? kEpsilon : variance);
  for (Index i = 0; i < count; ++i) x[i] = (x[i] - mean) * inverse * coefficients[i] + bias[i];
}

// The sum of gate `g` (input, forget, cell, output) before its function.
void gate_sum(const LstmPlan& p, std::size_t g, const float* x, const float* h, const float* c, const float* peephole,
              const StepBuffers& b, float* to) {
  const float* bias = b.in<float>(at::kBiases + g);
  const float* normalization = b.in<float>(at::kNormalizations + g);
  for (Index i = 0; i < p.cells; ++i) to[i] = normalization == nullptr ? bias[i] : 0.0F;
  add_products(b.in<float>(at::kInputWeights + g), x, p.cells, p.in, to);
  add_products(b.in<float>(at::kRecurrentWeights + g), h, p.cells, p.outputs, to);
  if (peephole != nullptr) {
    for (Index i = 0; i < p.cells; ++i) to[i] += peephole[i] * c[i];
  }
  if (normalization != nullptr) normalize(normalization, bias, p.cells, to);
}

// One step of one sequence; h and c are replaced. `scratch`: 4 * cells.
void lstm_step(const LstmPlan& p, const float* x, float* h, float* c, const StepBuffers& b, float* scratch) {
  const bool coupled = b.in<float>(at::kInputWeights) == nullptr;
  float* in = scratch;
  float* forget = scratch + p.cells;
  float* candidate = scratch + 2 * p.cells;
  float* out = scratch + 3 * p.cells;
  if (!coupled) gate_sum(p, 0, x, h, c, b.in<float>(at::kPeepholes), b, in);
  gate_sum(p, 1, x, h, c, b.in<float>(at::kPeepholes + 1), b, forget);
  gate_sum(p, 2, x, h, c, nullptr, b, candidate);
  for (Index i = 0; i < p.cells; ++i) {
    const float f = sigmoid(forget[i]);
    const float admitted = coupled ? 1.0F - f : sigmoid(in[i]);
    c[i] = f * c[i] + admitted * activated(p.activation, candidate[i]);
  }
  clip(p.cell_clip, p.cells, c);
  gate_sum(p, 3, x, h, c, b.in<float>(at::kPeepholes + 2), b, out);
  for (Index i = 0; i < p.cells; ++i) out[i] = sigmoid(out[i]) * activated(p.activation, c[i]);
  const float* projection = b.in<float>(at::kProjection);
  if (projection == nullptr) {
    std::copy_n(out, p.outputs, h);
    return;
  }
  const float* bias = b.in<float>(at::kProjectionBias);
  for (Index i = 0; i < p.outputs; ++i) h[i] = bias == nullptr ? 0.0F : bias[i];
  add_products(projection, out, p.outputs, p.cells, h);
  clip(p.projection_clip, p.outputs, h);
}

// States are computed where they are wanted, or in scratch.
void run_lstm(const LstmPlan& p, const StepBuffers& b) {
  auto* scratch = reinterpret_cast<float*>(b.scratch);
  float* h = b.out<float>(1) != nullptr ? b.out<float>(1) : scratch + 4 * p.cells;
  float* c = b.out<float>(2) != nullptr ? b.out<float>(2) : scratch + 4 * p.cells + p.batch * p.outputs;
  std::copy_n(b.in<float>(at::kOutputState), p.batch * p.outputs, h);
  std::copy_n(b.in<float>(at::kCellState), p.batch * p.cells, c);
  for (Index t = 0; t < p.steps; ++t) {
    for (Index n = 0; n < p.batch; ++n) {
      const Index place = p.time_major ? t * p.batch + n : n * p.steps + t;
      float* state = h + n * p.outputs;
      lstm_step(p, b.in<float>(0) + place * p.in, state, c + n * p.cells, b, scratch);
      if (float* y = b.out<float>(0)) std::copy_n(state, p.outputs, y + place * p.outputs);
    }
  }
}

std::unexpected<Error> only_f32(const BuildContext& context) {
  return fail(Code::kUnsupported, "cannot plan model", context.node.input(0).spec.name,
              "this layer is computed in f32 with f32 weights only");
}

bool is_f32(const graph::NodeView& node) {
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    if (node.has_input(i) && node.input(i).spec.dtype != tensor::DType::kF32) return false;
  }
  return true;
}

StepResult build_lstm(const BuildContext& context) {
  if (!is_f32(context.node)) return only_f32(context);
  const auto& a = context.node.attributes<graph::SequenceLstmAttributes>();
  const tensor::Shape& x = context.node.input(0).spec.shape;
  LstmPlan p;
  p.time_major = a.time_major;
  p.steps = x[a.time_major ? 0 : 1], p.batch = x[a.time_major ? 1 : 0], p.in = x[2];
  p.outputs = context.node.input(at::kOutputState).spec.shape[1];
  p.cells = context.node.input(at::kCellState).spec.shape[1];
  p.activation = a.activation;
  p.cell_clip = a.cell_clip, p.projection_clip = a.projection_clip;
  const Index floats = 4 * p.cells + p.batch * (p.outputs + p.cells);
  return make_step("sequence_lstm f32 reference", static_cast<std::size_t>(floats) * sizeof(float),
                   [p](const StepBuffers& b) { run_lstm(p, b); });
}

struct SvdfPlan {
  Index batch = 0, in = 0, filters = 0, memory = 0, rank = 1;
  kernels::FloatRange range;
};

// Each filter remembers its last `memory` answers, the newest last; a unit sums the filters of its rank over time.
void run_svdf(const SvdfPlan& p, const StepBuffers& b) {
  const Index count = p.filters * p.memory;
  const Index units = p.filters / p.rank;
  for (Index n = 0; n < p.batch; ++n) {
    float* state = b.out<float>(1) != nullptr ? b.out<float>(1) + n * count : reinterpret_cast<float*>(b.scratch);
    const float* before = b.in<float>(4) + n * count;
    for (Index f = 0; f < p.filters; ++f) {
      std::copy_n(before + f * p.memory + 1, p.memory - 1, state + f * p.memory);
      float& newest = state[f * p.memory + p.memory - 1];
      newest = 0.0F;
      add_products(b.in<float>(1) + f * p.in, b.in<float>(0) + n * p.in, 1, p.in, &newest);
    }
    for (Index u = 0; b.out<float>(0) != nullptr && u < units; ++u) {
      float sum = b.in<float>(3) == nullptr ? 0.0F : b.in<float>(3)[u];
      add_products(b.in<float>(2) + u * p.rank * p.memory, state + u * p.rank * p.memory, 1, p.rank * p.memory, &sum);
      b.out<float>(0)[n * units + u] = std::min(std::max(sum, p.range.min), p.range.max);
    }
  }
}

StepResult build_svdf(const BuildContext& context) {
  if (!is_f32(context.node)) return only_f32(context);
  const auto& a = context.node.attributes<graph::SvdfAttributes>();
  SvdfPlan p;
  p.batch = context.node.input(0).spec.shape[0], p.in = context.node.input(0).spec.shape[1];
  p.filters = context.node.input(1).spec.shape[0], p.memory = context.node.input(2).spec.shape[1];
  p.rank = a.rank;
  p.range = range_of(a.activation);
  return make_step("svdf f32 reference", static_cast<std::size_t>(p.filters * p.memory) * sizeof(float),
                   [p](const StepBuffers& b) { run_svdf(p, b); });
}

constexpr std::array kBuilders = {Builder{graph::Op::kSequenceLstm, build_lstm},
                                  Builder{graph::Op::kSvdf, build_svdf}};

}  // namespace

std::span<const Builder> sequence_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
