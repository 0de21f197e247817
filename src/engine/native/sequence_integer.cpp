// SPDX-License-Identifier: Apache-2.0
// SequenceLstm and Svdf of i8 with i16 state. Multipliers are formed by the same float and double steps as LiteRT's.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "engine/native/builders.hpp"
#include "engine/native/sequence.hpp"
#include "graph/ops/sequence_lstm.hpp"
#include "kernels/reference/integer_lstm.hpp"
#include "kernels/reference/integer_svdf.hpp"

namespace lichen::engine {
namespace {

namespace at = graph::sequence_lstm;
namespace reference = kernels::reference;
using graph::NodeView;
using kernels::Index;
using kernels::Multiplier;

constexpr std::size_t kGates = 4;
constexpr std::size_t kCandidate = 2;  // the gate without a peephole
constexpr std::size_t kNoPeephole = at::kInputs;

std::size_t peephole_of(std::size_t gate) {
  if (gate == kCandidate) return kNoPeephole;
  return at::kPeepholes + (gate < kCandidate ? gate : gate - 1);
}

std::unexpected<Error> cannot(const NodeView& node, std::string why) {
  return fail(Code::kUnsupported, "cannot plan model", fmt::format("node '{}'", node.node().name), std::move(why));
}

float scale_of(const NodeView& node, std::size_t input) {
  return node.input(input).quantization.scale();
}

// All weights must be known: their sums are taken together with the zero points.
Result<void> require_constants(const NodeView& node, std::initializer_list<std::size_t> computed) {
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    if (node.has_input(i) && !node.is_constant(i) && std::ranges::find(computed, i) == computed.end())
      return cannot(node, fmt::format("weights '{}' that are computed", node.input(i).spec.name));
  }
  return {};
}

// bias + zero_point * sum of each row of weights.
std::vector<std::int32_t> folded(const NodeView& node, std::size_t weights, std::size_t bias, bool has_bias,
                                 std::int32_t zero_point) {
  const auto rows = static_cast<std::size_t>(node.input(weights).spec.shape[0]);
  const auto depth = static_cast<std::size_t>(node.input(weights).spec.shape[1]);
  const auto values = node.input(weights).constant->as<std::int8_t>();
  std::vector<std::int32_t> sums(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    std::int32_t sum = 0;
    for (const std::int8_t weight : values.subspan(r * depth, depth)) sum += weight;
    const auto product = std::int64_t{sum} * zero_point;
    sums[r] = kernels::wrapping_add(has_bias ? node.input(bias).constant->as<std::int32_t>()[r] : 0,
                                    static_cast<std::int32_t>(product));
  }
  return sums;
}

struct LstmPlan {
  reference::IntegerLstm step;  // its pointers are set in a run
  Index steps = 0, batch = 0;
  bool time_major = false;
  std::array<std::vector<std::int32_t>, kGates> x_bias, h_bias;
  std::vector<std::int32_t> projection_bias;
};

Result<void> plan_gate(const NodeView& node, std::size_t g, float gate_scale, LstmPlan& p) {
  constexpr int kNormShiftMax = 19;           // the kernel adds 12, and 31 bits are there
  constexpr float kVarianceUnits = 10000.0F;  // LiteRT's, so that sums do not overflow
  reference::IntegerGate& gate = p.step.gates[g];
  const bool normalized = node.has_input(at::kNormalizations + g);
  const std::size_t x_weights = at::kInputWeights + g;
  const std::size_t h_weights = at::kRecurrentWeights + g;
  const float x = scale_of(node, x_weights) * scale_of(node, at::kInput) / gate_scale;
  const float h = scale_of(node, h_weights) * scale_of(node, at::kOutputState) / gate_scale;
  gate.x = LICHEN_TRY(kernels::quantize_multiplier(double{x}));
  gate.h = LICHEN_TRY(kernels::quantize_multiplier(double{h}));
  if (node.has_input(peephole_of(g))) {
    const double cell = std::pow(2.0, p.step.cell_exponent) * double{scale_of(node, peephole_of(g))};
    gate.cell = LICHEN_TRY(kernels::quantize_multiplier(double{static_cast<float>(cell / double{gate_scale})}));
  }
  if (normalized) {
    const float scale = scale_of(node, at::kNormalizations + g);
    gate.norm = LICHEN_TRY(kernels::quantize_multiplier(double{scale}));
    if (gate.norm.shift > kNormShiftMax)
      return cannot(node, fmt::format("layer normalization by coefficients of scale {}", scale));
    gate.variance_min = std::max(1, static_cast<std::int32_t>(std::min(kVarianceUnits * scale, 1e9F)));
  }
  const std::int32_t x_zero = node.input(at::kInput).quantization.zero_point();
  const std::int32_t h_zero = node.input(at::kOutputState).quantization.zero_point();
  p.x_bias[g] = folded(node, x_weights, at::kBiases + g, !normalized, -x_zero);
  p.h_bias[g] = folded(node, h_weights, 0, false, -h_zero);
  return {};
}

Result<void> plan_output(const NodeView& node, const graph::SequenceLstmAttributes& a, LstmPlan& p) {
  const float out_scale = scale_of(node, at::kOutputState);
  const double unit = std::pow(2.0, -15);
  const auto hidden = static_cast<float>(unit / double{a.hidden_scale} * unit);
  p.step.hidden = LICHEN_TRY(kernels::quantize_multiplier(double{hidden}));
  p.step.hidden_zero_point = a.hidden_zero_point;
  p.step.out_zero_point = node.input(at::kOutputState).quantization.zero_point();
  if (a.cell_clip > 0.0F) {
    p.step.cell_clip = static_cast<std::int32_t>(std::min(a.cell_clip / scale_of(node, at::kCellState), 32767.0F));
  }
  if (!node.has_input(at::kProjection)) return {};
  const float projected = scale_of(node, at::kProjection) * a.hidden_scale / out_scale;
  p.step.projected = LICHEN_TRY(kernels::quantize_multiplier(double{projected}));
  p.projection_bias =
      folded(node, at::kProjection, at::kProjectionBias, node.has_input(at::kProjectionBias), a.hidden_zero_point);
  if (a.projection_clip > 0.0F)
    p.step.projection_clip = static_cast<std::int32_t>(std::min(a.projection_clip / out_scale, 127.0F));
  return {};
}

Result<void> check_integer_lstm(const NodeView& node, const graph::SequenceLstmAttributes& a) {
  LICHEN_TRY(require_constants(node, {at::kInput, at::kOutputState, at::kCellState}));
  if (!(a.hidden_scale > 0.0F))
    return cannot(node, "an integer LSTM without the scale of its hidden state (its fifth intermediate tensor)");
  if (a.hidden_zero_point < -128 || a.hidden_zero_point > 127)
    return cannot(node, fmt::format("a hidden state of zero point {}", a.hidden_zero_point));
  const bool normalized = node.has_input(at::kNormalizations + 1);
  for (std::size_t g = 0; g < kGates; ++g) {
    const bool there = node.has_input(at::kInputWeights + g);
    if (there && node.has_input(at::kNormalizations + g) != normalized)
      return cannot(node, "layer normalization of some gates");
    if (there && normalized && !(a.gate_scales[g] > 0.0F))
      return cannot(node, fmt::format("layer normalization without the scale of intermediate tensor {}", g));
  }
  for (const std::size_t state : {at::kOutputState, at::kCellState}) {
    if (node.input(state).quantization.empty())
      return cannot(node, fmt::format("state '{}' without a scale", node.input(state).spec.name));
  }
  return {};
}

Result<LstmPlan> plan_lstm(const NodeView& node) {
  const auto& a = node.attributes<graph::SequenceLstmAttributes>();
  LICHEN_TRY(check_integer_lstm(node, a));
  const tensor::Shape& x = node.input(at::kInput).spec.shape;
  LstmPlan p;
  p.time_major = a.time_major;
  p.steps = x[a.time_major ? 0 : 1], p.batch = x[a.time_major ? 1 : 0];
  p.step.in = x[2];
  p.step.outputs = node.input(at::kOutputState).spec.shape[1];
  p.step.cells = node.input(at::kCellState).spec.shape[1];
  const double exponent = std::log2(double{scale_of(node, at::kCellState)});
  p.step.cell_exponent = static_cast<int>(std::lround(exponent));
  if (!(std::abs(exponent - p.step.cell_exponent) < 1e-3) || p.step.cell_exponent < -15 || p.step.cell_exponent > -9)
    return cannot(node, fmt::format("a cell state of scale {}, which is no power of 2 from 2^-15 to 2^-9",
                                    scale_of(node, at::kCellState)));
  const bool peepholes = node.has_input(at::kPeepholes + 1) || node.has_input(at::kPeepholes + 2);
  if (peepholes && p.step.outputs != p.step.cells && a.time_major && p.batch > 1)
    return cannot(node, "peepholes beside a projection, time first, with a batch");
  constexpr float kSumScale = 1.0F / 4096.0F;  // q3.12, what the gates' functions take
  const bool normalized = node.has_input(at::kNormalizations + 1);
  for (std::size_t g = 0; g < kGates; ++g) {
    if (node.has_input(at::kInputWeights + g))
      LICHEN_TRY(plan_gate(node, g, normalized ? a.gate_scales[g] : kSumScale, p));
  }
  LICHEN_TRY(plan_output(node, a, p));
  return p;
}

reference::IntegerLstm step_of(const LstmPlan& p, const StepBuffers& b) {
  reference::IntegerLstm step = p.step;
  for (std::size_t g = 0; g < kGates; ++g) {
    reference::IntegerGate& gate = step.gates[g];
    gate.x_weights = b.in<std::int8_t>(at::kInputWeights + g);
    gate.h_weights = b.in<std::int8_t>(at::kRecurrentWeights + g);
    gate.x_bias = p.x_bias[g].data();
    gate.h_bias = p.h_bias[g].data();
    gate.peephole = b.in<std::int16_t>(peephole_of(g));
    gate.normalization = b.in<std::int16_t>(at::kNormalizations + g);
    gate.bias = b.in<std::int32_t>(at::kBiases + g);
  }
  step.projection = b.in<std::int8_t>(at::kProjection);
  step.projection_bias = p.projection_bias.data();
  return step;
}

// States are computed where they are wanted, or in scratch: cells first, for alignment.
void run_lstm(const LstmPlan& p, const StepBuffers& b) {
  const reference::IntegerLstm step = step_of(p, b);
  const Index cell_count = p.batch * step.cells;
  auto* scratch = reinterpret_cast<std::int16_t*>(b.scratch);
  auto* bytes = reinterpret_cast<std::int8_t*>(scratch + 4 * step.cells + cell_count);
  std::int16_t* c = b.out<std::int16_t>(2) != nullptr ? b.out<std::int16_t>(2) : scratch + 4 * step.cells;
  std::int8_t* h = b.out<std::int8_t>(1) != nullptr ? b.out<std::int8_t>(1) : bytes + step.cells;
  std::copy_n(b.in<std::int8_t>(at::kOutputState), p.batch * step.outputs, h);
  std::copy_n(b.in<std::int16_t>(at::kCellState), cell_count, c);
  for (Index t = 0; t < p.steps; ++t) {
    for (Index n = 0; n < p.batch; ++n) {
      const Index place = p.time_major ? t * p.batch + n : n * p.steps + t;
      std::int8_t* state = h + n * step.outputs;
      reference::lstm_step(step, b.in<std::int8_t>(0) + place * step.in, state, c + n * step.cells, scratch, bytes);
      if (std::int8_t* y = b.out<std::int8_t>(0)) std::copy_n(state, step.outputs, y + place * step.outputs);
    }
  }
}

}  // namespace

StepResult build_integer_lstm(const BuildContext& context) {
  LstmPlan p = LICHEN_TRY(plan_lstm(context.node));
  const Index words = (4 + p.batch) * p.step.cells;
  const Index bytes = p.step.cells + p.batch * p.step.outputs;
  return make_step("sequence_lstm i8 reference", static_cast<std::size_t>(words * 2 + bytes),
                   [p = std::move(p)](const StepBuffers& b) { run_lstm(p, b); });
}

// LiteRT knows one activation here, and leaves it to the range of the output.
StepResult build_integer_svdf(const BuildContext& context) {
  constexpr std::size_t kFeatures = 1, kTimes = 2, kBias = 3, kState = 4;
  const NodeView& node = context.node;
  const auto& a = node.attributes<graph::SvdfAttributes>();
  if (a.activation != graph::Activation::kRelu)
    return cannot(node, "an integer SVDF with another activation than relu");
  if (node.input(kTimes).spec.dtype != tensor::DType::kI16)
    return cannot(node, fmt::format("{} time weights of an integer SVDF", name_of(node.input(kTimes).spec.dtype)));
  reference::IntegerSvdf s;
  s.batch = node.input(0).spec.shape[0], s.in = node.input(0).spec.shape[1];
  s.filters = node.input(kFeatures).spec.shape[0], s.memory = node.input(kTimes).spec.shape[1];
  s.rank = a.rank;
  s.in_zero_point = node.input(0).quantization.zero_point();
  s.out_zero_point = node.output().quantization.zero_point();
  const float newest = scale_of(node, 0) * scale_of(node, kFeatures) / scale_of(node, kState);
  const float output = scale_of(node, kState) * scale_of(node, kTimes) / node.output().quantization.scale();
  s.newest = LICHEN_TRY(kernels::quantize_multiplier(double{newest}));
  s.output = LICHEN_TRY(kernels::quantize_multiplier(double{output}));
  const Index count = s.batch * s.filters * s.memory;
  return make_step("svdf i8 reference", static_cast<std::size_t>(count) * sizeof(std::int16_t),
                   [s, count](const StepBuffers& b) {
                     std::int16_t* state = b.out<std::int16_t>(1);
                     if (state == nullptr) state = reinterpret_cast<std::int16_t*>(b.scratch);
                     std::copy_n(b.in<std::int16_t>(kState), count, state);
                     reference::svdf(s, b.in<std::int8_t>(0), b.in<std::int8_t>(kFeatures), b.in<std::int16_t>(kTimes),
                                     b.in<std::int32_t>(kBias), state, b.out<std::int8_t>(0));
                   });
}

}  // namespace lichen::engine
