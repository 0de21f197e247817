// SPDX-License-Identifier: Apache-2.0
// SequenceLstm and Svdf in f32, with weights of f32 or of i8 ("hybrid"). Those of integers: sequence_integer.cpp.
#include "engine/native/sequence.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "graph/ops/sequence_lstm.hpp"
#include "kernels/reference/hybrid.hpp"
#include "kernels/reference/recurrent.hpp"

namespace lichen::engine {
namespace {

namespace at = graph::sequence_lstm;
using kernels::Index;
using kernels::reference::add_hybrid_products;
using kernels::reference::add_products;
using kernels::reference::Quantized;

struct LstmPlan {
  Index steps = 0, batch = 0, in = 0, cells = 0, outputs = 0;
  bool time_major = false;
  graph::Activation activation = graph::Activation::kTanh;
  float cell_clip = 0.0F, projection_clip = 0.0F;
  bool hybrid = false, asymmetric = false;
  std::array<float, at::kInputs> scales{};  // of i8 weights
};

// What weights multiply: as it is, or in bytes beside weights of i8.
struct Vector {
  const float* values = nullptr;
  const std::int8_t* bytes = nullptr;
  Quantized q;
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
  for (Index i = 0; i < count; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(count);
  float squares = 0.0F;
  for (Index i = 0; i < count; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const float inverse = 1.0F / std::sqrt(squares / static_cast<float>(count) + kEpsilon);
  for (Index i = 0; i < count; ++i) x[i] = (x[i] - mean) * inverse * coefficients[i] + bias[i];
}

Vector vector_of(const LstmPlan& p, const float* values, Index count, std::int8_t* bytes) {
  if (!p.hybrid) return {values, nullptr, {}};
  return {values, bytes, kernels::reference::quantize_hybrid(values, count, p.asymmetric, bytes)};
}

// to += the weights of input `i` times x.
void add_weighted(const LstmPlan& p, const StepBuffers& b, std::size_t i, const Vector& x, Index rows, Index depth,
                  float* to) {
  if (!p.hybrid) return add_products(b.in<float>(i), x.values, rows, depth, to);
  add_hybrid_products(b.in<std::int8_t>(i), p.scales[i], x.bytes, x.q, rows, depth, to);
}

void add_peephole(const LstmPlan& p, const StepBuffers& b, std::size_t i, const float* c, float* to) {
  if (b.in<std::byte>(i) == nullptr) return;
  for (Index k = 0; k < p.cells; ++k)
    to[k] += (p.hybrid ? p.scales[i] * b.in<std::int8_t>(i)[k] : b.in<float>(i)[k]) * c[k];
}

constexpr std::size_t kNoPeephole = at::kInputs;

// The sum of gate `g` (input, forget, cell, output) before its function.
void gate_sum(const LstmPlan& p, std::size_t g, const Vector& x, const Vector& h, const float* c, std::size_t peephole,
              const StepBuffers& b, float* to) {
  const float* bias = b.in<float>(at::kBiases + g);
  const float* normalization = b.in<float>(at::kNormalizations + g);
  for (Index i = 0; i < p.cells; ++i) to[i] = normalization == nullptr ? bias[i] : 0.0F;
  add_weighted(p, b, at::kInputWeights + g, x, p.cells, p.in, to);
  add_weighted(p, b, at::kRecurrentWeights + g, h, p.cells, p.outputs, to);
  add_peephole(p, b, peephole, c, to);
  if (normalization != nullptr) normalize(normalization, bias, p.cells, to);
}

struct LstmScratch {
  float* gates = nullptr;        // 4 * cells
  std::int8_t* bytes = nullptr;  // in + outputs + cells, where weights are bytes
};

// One step of one sequence; h and c are replaced.
void lstm_step(const LstmPlan& p, const float* x_values, float* h_values, float* c, const StepBuffers& b,
               const LstmScratch& scratch) {
  const bool coupled = b.in<std::byte>(at::kInputWeights) == nullptr;
  const Vector x = vector_of(p, x_values, p.in, scratch.bytes);
  const Vector h = vector_of(p, h_values, p.outputs, scratch.bytes + p.in);
  float* in = scratch.gates;
  float* forget = in + p.cells;
  float* candidate = in + 2 * p.cells;
  float* out = in + 3 * p.cells;
  if (!coupled) gate_sum(p, 0, x, h, c, at::kPeepholes, b, in);
  gate_sum(p, 1, x, h, c, at::kPeepholes + 1, b, forget);
  gate_sum(p, 2, x, h, c, kNoPeephole, b, candidate);
  for (Index i = 0; i < p.cells; ++i) {
    const float f = sigmoid(forget[i]);
    const float admitted = coupled ? 1.0F - f : sigmoid(in[i]);
    c[i] = f * c[i] + admitted * activated(p.activation, candidate[i]);
  }
  clip(p.cell_clip, p.cells, c);
  gate_sum(p, 3, x, h, c, at::kPeepholes + 2, b, out);
  for (Index i = 0; i < p.cells; ++i) out[i] = sigmoid(out[i]) * activated(p.activation, c[i]);
  if (b.in<std::byte>(at::kProjection) == nullptr) {
    std::copy_n(out, p.outputs, h_values);
    return;
  }
  const float* bias = b.in<float>(at::kProjectionBias);
  for (Index i = 0; i < p.outputs; ++i) h_values[i] = bias == nullptr ? 0.0F : bias[i];
  const Vector hidden = vector_of(p, out, p.cells, scratch.bytes + p.in + p.outputs);
  add_weighted(p, b, at::kProjection, hidden, p.outputs, p.cells, h_values);
  clip(p.projection_clip, p.outputs, h_values);
}

Index floats_of(const LstmPlan& p) {
  return 4 * p.cells + p.batch * (p.outputs + p.cells);
}

// States are computed where they are wanted, or in scratch.
void run_lstm(const LstmPlan& p, const StepBuffers& b) {
  auto* scratch = reinterpret_cast<float*>(b.scratch);
  float* h = b.out<float>(1) != nullptr ? b.out<float>(1) : scratch + 4 * p.cells;
  float* c = b.out<float>(2) != nullptr ? b.out<float>(2) : scratch + 4 * p.cells + p.batch * p.outputs;
  const LstmScratch parts{scratch, reinterpret_cast<std::int8_t*>(scratch + floats_of(p))};
  std::copy_n(b.in<float>(at::kOutputState), p.batch * p.outputs, h);
  std::copy_n(b.in<float>(at::kCellState), p.batch * p.cells, c);
  for (Index t = 0; t < p.steps; ++t) {
    for (Index n = 0; n < p.batch; ++n) {
      const Index place = p.time_major ? t * p.batch + n : n * p.steps + t;
      float* state = h + n * p.outputs;
      lstm_step(p, b.in<float>(0) + place * p.in, state, c + n * p.cells, b, parts);
      if (float* y = b.out<float>(0)) std::copy_n(state, p.outputs, y + place * p.outputs);
    }
  }
}

StepResult build_lstm(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  if (node.input(0).spec.dtype != tensor::DType::kF32) return build_integer_lstm(context);
  const auto& a = node.attributes<graph::SequenceLstmAttributes>();
  const tensor::Shape& x = node.input(0).spec.shape;
  LstmPlan p;
  p.time_major = a.time_major;
  p.steps = x[a.time_major ? 0 : 1], p.batch = x[a.time_major ? 1 : 0], p.in = x[2];
  p.outputs = node.input(at::kOutputState).spec.shape[1];
  p.cells = node.input(at::kCellState).spec.shape[1];
  p.activation = a.activation;
  p.cell_clip = a.cell_clip, p.projection_clip = a.projection_clip;
  p.hybrid = node.input(at::kInputWeights + 1).spec.dtype == tensor::DType::kI8;
  p.asymmetric = a.asymmetric_inputs;
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    if (node.has_input(i) && node.input(i).spec.dtype == tensor::DType::kI8)
      p.scales[i] = node.input(i).quantization.scale();
  }
  const Index bytes = p.hybrid ? p.in + p.outputs + p.cells : 0;
  return make_step(p.hybrid ? "sequence_lstm f32*i8 reference" : "sequence_lstm f32 reference",
                   static_cast<std::size_t>(floats_of(p)) * sizeof(float) + static_cast<std::size_t>(bytes),
                   [p](const StepBuffers& b) { run_lstm(p, b); });
}

struct SvdfPlan {
  Index batch = 0, in = 0, filters = 0, memory = 0, rank = 1;
  kernels::FloatRange range;
  bool hybrid = false, asymmetric = false;
  float scale = 1.0F;        // of feature weights of i8
  std::vector<float> times;  // time weights that were i8
};

// The newest answer of each filter, the last of its memory.
void add_newest(const SvdfPlan& p, const StepBuffers& b, Index n, std::int8_t* bytes, float* sums) {
  const float* x = b.in<float>(0) + n * p.in;
  if (!p.hybrid) return add_products(b.in<float>(1), x, p.filters, p.in, sums);
  const Quantized q = kernels::reference::quantize_hybrid(x, p.in, p.asymmetric, bytes);
  add_hybrid_products(b.in<std::int8_t>(1), p.scale, bytes, q, p.filters, p.in, sums);
}

// Each filter remembers its last `memory` answers, the newest last; a unit sums the filters of its rank over time.
void run_svdf(const SvdfPlan& p, const StepBuffers& b) {
  const Index count = p.filters * p.memory;
  const Index units = p.filters / p.rank;
  auto* sums = reinterpret_cast<float*>(b.scratch);
  const float* times = p.times.empty() ? b.in<float>(2) : p.times.data();
  for (Index n = 0; n < p.batch; ++n) {
    float* state = b.out<float>(1) != nullptr ? b.out<float>(1) + n * count : sums + p.filters;
    const float* before = b.in<float>(4) + n * count;
    std::fill_n(sums, p.filters, 0.0F);
    add_newest(p, b, n, reinterpret_cast<std::int8_t*>(sums + p.filters + count), sums);
    for (Index f = 0; f < p.filters; ++f) {
      std::copy_n(before + f * p.memory + 1, p.memory - 1, state + f * p.memory);
      state[f * p.memory + p.memory - 1] = sums[f];
    }
    for (Index u = 0; b.out<float>(0) != nullptr && u < units; ++u) {
      float sum = b.in<float>(3) == nullptr ? 0.0F : b.in<float>(3)[u];
      add_products(times + u * p.rank * p.memory, state + u * p.rank * p.memory, 1, p.rank * p.memory, &sum);
      b.out<float>(0)[n * units + u] = std::min(std::max(sum, p.range.min), p.range.max);
    }
  }
}

StepResult build_svdf(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  if (node.input(0).spec.dtype != tensor::DType::kF32) return build_integer_svdf(context);
  const auto& a = node.attributes<graph::SvdfAttributes>();
  SvdfPlan p;
  p.batch = node.input(0).spec.shape[0], p.in = node.input(0).spec.shape[1];
  p.filters = node.input(1).spec.shape[0], p.memory = node.input(2).spec.shape[1];
  p.rank = a.rank;
  p.range = range_of(a.activation);
  p.hybrid = node.input(1).spec.dtype == tensor::DType::kI8;
  p.asymmetric = a.asymmetric_inputs;
  if (p.hybrid) p.scale = node.input(1).quantization.scale();
  if (node.input(2).spec.dtype == tensor::DType::kI8) {
    if (!node.is_constant(2)) return not_computed(context);
    for (const std::int8_t weight : node.input(2).constant->as<std::int8_t>())
      p.times.push_back(static_cast<float>(weight) * node.input(2).quantization.scale());
  }
  const auto floats = static_cast<std::size_t>(p.filters + p.filters * p.memory);
  return make_step(p.hybrid ? "svdf f32*i8 reference" : "svdf f32 reference",
                   floats * sizeof(float) + static_cast<std::size_t>(p.in),
                   [p = std::move(p)](const StepBuffers& b) { run_svdf(p, b); });
}

constexpr std::array kBuilders = {Builder{graph::Op::kSequenceLstm, build_lstm}, Builder{graph::Op::kSvdf, build_svdf}};

}  // namespace

std::span<const Builder> sequence_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
