// SPDX-License-Identifier: Apache-2.0
// Recurrent layers as ONNX defines them, in f32: x [seq, batch, in], w [dirs, gates * hidden, in],
// r [dirs, gates * hidden, hidden], bias? [dirs, 2 * gates * hidden], lengths? [batch], h0? [dirs, batch, hidden],
// and for Lstm c0? as h0 and peephole? [dirs, 3 * hidden] -> all h? [seq, dirs, batch, hidden], last h? as h0, and for
// Lstm last c?. batch_first: x [batch, seq, in], h0 [batch, dirs, hidden], all h [batch, seq, dirs, hidden].
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;
using tensor::Shape;

constexpr std::int32_t kHiddenMax = 1 << 20;

std::int64_t gates_of(Op op) {
  return op == Op::kLstm ? 4 : op == Op::kGru ? 3 : 1;
}
std::size_t activations_of(Op op) {
  return op == Op::kLstm ? 3 : op == Op::kGru ? 2 : 1;
}

Result<void> require_shape(const NodeView& node, std::size_t input, DType dtype, const Shape& shape) {
  if (!node.has_input(input)) return {};
  LICHEN_TRY(require_dtype(node.input(input), dtype));
  if (node.input(input).spec.shape == shape) return {};
  return bad_tensor(node.input(input), fmt::format("shape {} where {} is needed",
                                                   node.input(input).spec.shape.to_text(), shape.to_text()));
}

Result<void> require_attributes(const NodeView& node, std::int64_t directions) {
  const auto& a = node.attributes<RecurrentAttributes>();
  if (a.hidden < 1 || a.hidden > kHiddenMax) return bad_attribute(fmt::format("hidden size {}", a.hidden));
  if (!std::isfinite(a.clip) || a.clip < 0.0F) return bad_attribute(fmt::format("clip {}", a.clip));
  const std::size_t wanted = activations_of(node.node().op) * static_cast<std::size_t>(directions);
  if (!a.gates.empty() && a.gates.size() != wanted)
    return bad_attribute(fmt::format("{} activations where {} are needed", a.gates.size(), wanted));
  for (const auto* values : {&a.alphas, &a.betas}) {
    if (values->size() > wanted) return bad_attribute(fmt::format("{} parameters of {} activations", values->size(), wanted));
  }
  return {};
}

std::int64_t directions_of(const RecurrentAttributes& a) {
  return a.direction == Direction::kBidirectional ? 2 : 1;
}

Result<void> check(const NodeView& node) {
  const auto& a = node.attributes<RecurrentAttributes>();
  const std::int64_t directions = directions_of(a);
  LICHEN_TRY(require_attributes(node, directions));
  const Tensor& x = node.input(0);
  LICHEN_TRY(require_rank(x, 3));
  LICHEN_TRY(require_dtype(x, DType::kF32));
  const std::int64_t batch = x.spec.shape[a.batch_first ? 0 : 1];
  const std::int64_t rows = gates_of(node.node().op) * a.hidden;
  LICHEN_TRY(require_shape(node, 1, DType::kF32, {directions, rows, x.spec.shape[2]}));
  LICHEN_TRY(require_shape(node, 2, DType::kF32, {directions, rows, a.hidden}));
  LICHEN_TRY(require_shape(node, 3, DType::kF32, {directions, 2 * rows}));
  LICHEN_TRY(require_shape(node, 4, DType::kI32, {batch}));
  const Shape state = a.batch_first ? Shape{batch, directions, a.hidden} : Shape{directions, batch, a.hidden};
  LICHEN_TRY(require_shape(node, 5, DType::kF32, state));
  LICHEN_TRY(require_shape(node, 6, DType::kF32, state));
  return require_shape(node, 7, DType::kF32, {directions, 3 * std::int64_t{a.hidden}});
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto& a = node.attributes<RecurrentAttributes>();
  const Shape& x = node.input(0).spec.shape;
  const std::int64_t directions = directions_of(a);
  const std::int64_t seq = x[a.batch_first ? 1 : 0];
  const std::int64_t batch = x[a.batch_first ? 0 : 1];
  const std::array<std::int64_t, 4> all = a.batch_first ? std::array<std::int64_t, 4>{batch, seq, directions, a.hidden}
                                                        : std::array<std::int64_t, 4>{seq, directions, batch, a.hidden};
  const std::array<std::int64_t, 3> last = a.batch_first ? std::array<std::int64_t, 3>{batch, directions, a.hidden}
                                                         : std::array<std::int64_t, 3>{directions, batch, a.hidden};
  const Shape all_shape = LICHEN_TRY(Shape::make(all, node.node().name));
  const Shape last_shape = LICHEN_TRY(Shape::make(last, node.node().name));
  return OutputTypes{{DType::kF32, all_shape, false}, {DType::kF32, last_shape, false}, {DType::kF32, last_shape, false}};
}

std::int64_t operations(const NodeView& node) {
  const Shape& x = node.input(0).spec.shape;
  return x[0] * x[1] * (node.input(1).spec.shape.elements() + node.input(2).spec.shape.elements());
}

constexpr OpSchema row(Op op, std::string_view name, bool has_cell) {
  return {.op = op,
          .name = name,
          .inputs_min = 3,
          .inputs_max = has_cell ? std::size_t{8} : std::size_t{6},
          .inputs_required = 3,
          .outputs_min = 1,
          .outputs_max = has_cell ? std::size_t{3} : std::size_t{2},
          .attributes_fit = holds<RecurrentAttributes>,
          .check = check,
          .infer = infer,
          .operations = operations,
          .counts_as_macs = true};
}

constexpr std::array kRows = {row(Op::kGru, "Gru", false), row(Op::kLstm, "Lstm", true), row(Op::kRnn, "Rnn", false)};

}  // namespace

std::span<const OpSchema> recurrent_rows() {
  return kRows;
}

}  // namespace lichen::graph
