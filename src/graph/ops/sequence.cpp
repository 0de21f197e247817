// SPDX-License-Identifier: Apache-2.0
// TFLite's layers with state: SequenceLstm (its UNIDIRECTIONAL_SEQUENCE_LSTM) and Svdf. Each is computed in f32, in f32
// by i8 weights ("hybrid"), or in i8 with i16 state.
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"
#include "graph/ops/sequence_lstm.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;
using tensor::Shape;
namespace at = sequence_lstm;

Result<void> require_shape(const Tensor& tensor, const Shape& shape) {
  if (tensor.spec.shape == shape) return {};
  return bad_tensor(tensor, fmt::format("shape {} where {} is needed", tensor.spec.shape.to_text(), shape.to_text()));
}

Result<void> require(const NodeView& node, std::size_t input, DType dtype, const Shape& shape) {
  if (!node.has_input(input)) return {};
  LICHEN_TRY(require_dtype(node.input(input), dtype));
  return require_shape(node.input(input), shape);
}

// What the inputs of a layer are made of: f32 throughout, i8 weights under f32, or integers.
struct Types {
  DType weights, vectors, biases, output, cell;
};
Result<Types> types_of(const NodeView& node, const Tensor& weights, DType time_weights) {
  const Tensor& x = node.input(0);
  LICHEN_TRY(require_not_empty(x));
  if (x.spec.dtype == DType::kF32) {
    if (weights.spec.dtype != DType::kF32 && weights.spec.dtype != DType::kI8)
      return bad_tensor(weights, fmt::format("{} weights of f32", name_of(weights.spec.dtype)), Code::kUnsupported);
    return Types{weights.spec.dtype, weights.spec.dtype, DType::kF32, DType::kF32, DType::kF32};
  }
  LICHEN_TRY(require_dtype(x, DType::kI8));
  LICHEN_TRY(require_activation_type(x));
  return Types{DType::kI8, time_weights, DType::kI32, DType::kI8, DType::kI16};
}

Result<void> require_scale(const NodeView& node, std::size_t input) {
  if (!node.has_input(input)) return {};
  const Tensor& tensor = node.input(input);
  if (tensor.spec.dtype == DType::kF32 || tensor.spec.dtype == DType::kI32) return {};
  if (tensor.quantization.scales.size() == 1) return {};
  return bad_tensor(tensor, "an integer that has not one scale", Code::kUnsupported);
}

Result<void> check_lstm_weights(const NodeView& node, const Types& t, std::int64_t in, std::int64_t cells,
                                std::int64_t outputs) {
  const bool coupled = !node.has_input(at::kInputWeights);
  for (std::size_t gate = 0; gate < 4; ++gate) {
    for (const std::size_t input : {at::kInputWeights + gate, at::kRecurrentWeights + gate}) {
      const bool wanted = !(coupled && gate == 0);
      if (node.has_input(input) != wanted)
        return bad_attribute(fmt::format("input {} of an LSTM that {} an input gate", input, coupled ? "lacks" : "has"));
      if (wanted) LICHEN_TRY(require(node, input, t.weights,
                                     {cells, input < at::kRecurrentWeights ? in : outputs}));
    }
    LICHEN_TRY(require(node, at::kBiases + gate, t.biases, {cells}));
    const bool needs_bias = !(coupled && gate == 0);
    if (needs_bias && !node.has_input(at::kBiases + gate))
      return bad_attribute(fmt::format("input {}, a bias, is missing", at::kBiases + gate));
    LICHEN_TRY(require(node, at::kNormalizations + gate, t.output == DType::kF32 ? DType::kF32 : DType::kI16, {cells}));
  }
  for (std::size_t i = 0; i < 3; ++i) LICHEN_TRY(require(node, at::kPeepholes + i, t.vectors, {cells}));
  LICHEN_TRY(require(node, at::kProjection, t.weights, {outputs, cells}));
  LICHEN_TRY(require(node, at::kProjectionBias, t.biases, {outputs}));
  if (!node.has_input(at::kProjection) && outputs != cells)
    return bad_tensor(node.input(at::kOutputState), fmt::format("{} outputs of {} cells, without a projection", outputs, cells));
  for (std::size_t i = 0; i < node.input_count(); ++i) LICHEN_TRY(require_scale(node, i));
  return {};
}

Result<void> check_lstm(const NodeView& node) {
  const auto& a = node.attributes<SequenceLstmAttributes>();
  if (a.activation != Activation::kTanh && a.activation != Activation::kNone) LICHEN_TRY(require_clamp(a.activation));
  for (const float clip : {a.cell_clip, a.projection_clip}) {
    if (!std::isfinite(clip) || clip < 0.0F) return bad_attribute(fmt::format("clip {}", clip));
  }
  for (const std::size_t input : {std::size_t{2}, std::size_t{3}, std::size_t{4}, std::size_t{6}, std::size_t{7},
                                  std::size_t{8}, at::kOutputState, at::kCellState}) {
    if (!node.has_input(input)) return bad_attribute(fmt::format("input {} is missing", input));
  }
  LICHEN_TRY(require_rank(node.input(0), 3));
  const Types t = LICHEN_TRY(types_of(node, node.input(2), DType::kI16));
  const Tensor& h = node.input(at::kOutputState);
  const Tensor& c = node.input(at::kCellState);
  LICHEN_TRY(require_rank(h, 2));
  LICHEN_TRY(require_rank(c, 2));
  LICHEN_TRY(require_dtype(h, t.output));
  LICHEN_TRY(require_dtype(c, t.cell));
  const Shape& x = node.input(0).spec.shape;
  const std::int64_t batch = x[a.time_major ? 1 : 0];
  if (h.spec.shape[0] != batch || c.spec.shape[0] != batch) return bad_tensor(h, fmt::format("state for {} of a batch of {}", h.spec.shape.to_text(), batch));
  LICHEN_TRY(require_not_empty(h));
  LICHEN_TRY(require_not_empty(c));
  return check_lstm_weights(node, t, x[2], c.spec.shape[1], h.spec.shape[1]);
}

Result<OutputTypes> infer_lstm(const NodeView& node) {
  const Shape& x = node.input(0).spec.shape;
  const tensor::TensorSpec& h = node.input(at::kOutputState).spec;
  const tensor::TensorSpec& c = node.input(at::kCellState).spec;
  const std::int64_t dims[] = {x[0], x[1], h.shape[1]};
  return OutputTypes{{h.dtype, LICHEN_TRY(Shape::make(dims, node.node().name)), false},
                     {h.dtype, h.shape, false},
                     {c.dtype, c.shape, false}};
}

std::int64_t lstm_operations(const NodeView& node) {
  const Shape& x = node.input(0).spec.shape;
  std::int64_t weights = 0;
  for (std::size_t i = 1; i <= at::kProjection; ++i) {
    if (node.has_input(i) && node.input(i).spec.shape.rank() == 2) weights += node.input(i).spec.shape.elements();
  }
  return x[0] * x[1] * weights;
}

// x [batch, in], feature weights [filters, in], time weights [filters, memory], bias? [units], state
// [batch, filters * memory] -> y [batch, units], new state; rank filters make one unit.
constexpr std::size_t kFeatureWeights = 1, kTimeWeights = 2, kSvdfBias = 3, kSvdfState = 4;

Result<void> check_svdf(const NodeView& node) {
  const auto& a = node.attributes<SvdfAttributes>();
  LICHEN_TRY(require_clamp(a.activation));
  const Tensor& x = node.input(0);
  const Tensor& features = node.input(kFeatureWeights);
  const Tensor& times = node.input(kTimeWeights);
  for (const Tensor* tensor : {&x, &features, &times}) {
    LICHEN_TRY(require_rank(*tensor, 2));
    LICHEN_TRY(require_not_empty(*tensor));
  }
  const std::int64_t filters = features.spec.shape[0];
  if (a.rank < 1 || filters % a.rank != 0) return bad_attribute(fmt::format("{} filters of rank {}", filters, a.rank));
  const Types t = LICHEN_TRY(types_of(node, features, times.spec.dtype == DType::kI8 ? DType::kI8 : DType::kI16));
  LICHEN_TRY(require(node, kFeatureWeights, t.weights, {filters, x.spec.shape[1]}));
  const bool integer = t.output == DType::kI8;
  const DType time_type = !integer && times.spec.dtype == DType::kF32 ? DType::kF32 : t.vectors;
  LICHEN_TRY(require(node, kTimeWeights, time_type, {filters, times.spec.shape[1]}));
  LICHEN_TRY(require(node, kSvdfBias, t.biases, {filters / a.rank}));
  if (!node.has_input(kSvdfState)) return bad_attribute("input 4, the state, is missing");
  const DType state = integer ? time_type : DType::kF32;
  LICHEN_TRY(require(node, kSvdfState, state, {x.spec.shape[0], filters * times.spec.shape[1]}));
  for (std::size_t i = 0; i < node.input_count(); ++i) LICHEN_TRY(require_scale(node, i));
  return {};
}

Result<OutputTypes> infer_svdf(const NodeView& node) {
  const std::int64_t units = node.input(kFeatureWeights).spec.shape[0] / node.attributes<SvdfAttributes>().rank;
  const std::int64_t dims[] = {node.input(0).spec.shape[0], units};
  const tensor::TensorSpec& state = node.input(kSvdfState).spec;
  return OutputTypes{{node.input(0).spec.dtype, LICHEN_TRY(Shape::make(dims, node.node().name)), false},
                     {state.dtype, state.shape, false}};
}

std::int64_t svdf_operations(const NodeView& node) {
  return node.input(0).spec.shape[0] *
         (node.input(kFeatureWeights).spec.shape.elements() + node.input(kTimeWeights).spec.shape.elements());
}

Result<void> check_first_output(const NodeView& node) {
  return node.has_output(0) ? check_activation_output(node) : Result<void>{};
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kSequenceLstm,
             .name = "SequenceLstm",
             .inputs_min = at::kCellState + 1,
             .inputs_max = at::kInputs,
             .inputs_required = 1,
             .outputs_max = 3,
             .attributes_fit = holds<SequenceLstmAttributes>,
             .check = check_lstm,
             .infer = infer_lstm,
             .check_outputs = check_first_output,
             .operations = lstm_operations,
             .counts_as_macs = true},
    OpSchema{.op = Op::kSvdf,
             .name = "Svdf",
             .inputs_min = 5,
             .inputs_max = 5,
             .inputs_required = 3,
             .outputs_max = 2,
             .attributes_fit = holds<SvdfAttributes>,
             .check = check_svdf,
             .infer = infer_svdf,
             .check_outputs = check_first_output,
             .operations = svdf_operations,
             .counts_as_macs = true},
};

}  // namespace

std::span<const OpSchema> sequence_rows() {
  return kRows;
}

}  // namespace lichen::graph
