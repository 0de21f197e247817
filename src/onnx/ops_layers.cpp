// SPDX-License-Identifier: Apache-2.0
// Gemm, MatMul, and the recurrent layers.
#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "onnx/importer.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

namespace {

std::vector<float> times(std::vector<float> values, float factor) {
  for (float& value : values) value *= factor;
  return values;
}

// The bias of a fully connected layer, [units], from a constant that is broadcast to [rows, units] without differing by
// row; nullopt: it does, or is not constant.
std::optional<TensorId> bias_of(Call& c, TensorId from, float beta, std::int64_t units) {
  if (from == kNoTensor || beta == 0.0F) return kNoTensor;
  const auto values = c.constant_floats(from);
  if (!values) return std::nullopt;
  const tensor::Shape& shape = *c.shape(from);
  if (shape.rank() > 2 || (shape.rank() == 2 && shape[0] != 1)) return std::nullopt;
  if (shape.elements() != 1 && shape.elements() != units) return std::nullopt;
  std::vector<float> bias = times(*values, beta);
  bias.resize(static_cast<std::size_t>(units), bias[0]);
  return c.floats(bias, {units});
}

// Constant weights [units, depth], scaled.
TensorId weights_of(Call& c, TensorId from, bool transposed, float alpha) {
  TensorId weights = transposed ? from : c.permuted(from, {1, 0});
  if (alpha == 1.0F || c.failed()) return weights;
  const tensor::Shape shape = *c.shape(weights);
  return c.floats(times(*c.constant_floats(weights), alpha), shape);
}

bool is_matrix_constant(Call& c, TensorId id) {
  return c.is_constant(id) && c.dtype(id) == tensor::DType::kF32 && c.rank(id) == 2 && c.shape(id)->elements() > 0;
}

Ids gemm(Call& c) {
  const TensorId a = c.in(0);
  const TensorId b = c.in(1);
  const TensorId bias = c.optional(2);
  const float alpha = c.real("alpha", 1.0F);
  const float beta = c.real("beta", 1.0F);
  const bool transpose_a = c.flag("transA");
  const bool transpose_b = c.flag("transB");
  if (c.opset() < 7) static_cast<void>(c.flag("broadcast"));
  if (c.failed()) return {kNoTensor};
  if (!transpose_a && is_matrix_constant(c, b)) {
    const std::int64_t units = (*c.shape(b))[transpose_b ? 0 : 1];
    if (const auto folded = bias_of(c, bias, beta, units)) {
      const TensorId weights = weights_of(c, b, transpose_b, alpha);
      const TensorId y = c.emit(Op::kFullyConnected, graph::FullyConnectedAttributes{{}, true}, {a, weights, *folded});
      if (!c.failed()) c.hint_rank(y, 2);
      return {y};
    }
  }
  TensorId y = c.emit(Op::kMatMul, graph::MatMulAttributes{transpose_a, transpose_b}, {a, b});
  if (!c.failed()) c.hint_rank(y, 2);
  if (alpha != 1.0F) y = c.binary(Op::kMul, y, c.scalar(alpha));
  if (bias == kNoTensor) return {y};
  return {c.binary(Op::kAdd, y, beta == 1.0F ? bias : c.binary(Op::kMul, bias, c.scalar(beta)))};
}

Ids mat_mul(Call& c) {
  const TensorId a = c.in(0);
  const TensorId b = c.in(1);
  const auto rank = c.rank(a);
  if (rank && *rank >= 2 && is_matrix_constant(c, b)) {
    const TensorId weights = weights_of(c, b, false, 1.0F);
    const TensorId y = c.emit(Op::kFullyConnected, graph::FullyConnectedAttributes{{}, true}, {a, weights});
    if (!c.failed()) c.hint_rank(y, *rank);
    return {y};
  }
  const TensorId y = c.emit(Op::kMatMul, graph::MatMulAttributes{}, {a, b});
  const auto other = c.rank(b);
  if (!c.failed() && rank && other && *rank >= 2 && *other >= 2) c.hint_rank(y, std::max(*rank, *other));
  return {y};
}

Ids mat_mul_integer(Call& c) {
  return {c.emit(Op::kMatMulInteger, graph::NoAttributes{}, {c.in(0), c.in(1), c.optional(2), c.optional(3)})};
}

constexpr std::array<std::pair<std::string_view, graph::Gate>, 11> kGates = {{
    {"sigmoid", graph::Gate::kSigmoid},
    {"tanh", graph::Gate::kTanh},
    {"relu", graph::Gate::kRelu},
    {"affine", graph::Gate::kAffine},
    {"leakyrelu", graph::Gate::kLeakyRelu},
    {"thresholdedrelu", graph::Gate::kThresholdedRelu},
    {"scaledtanh", graph::Gate::kScaledTanh},
    {"hardsigmoid", graph::Gate::kHardSigmoid},
    {"elu", graph::Gate::kElu},
    {"softsign", graph::Gate::kSoftsign},
    {"softplus", graph::Gate::kSoftplus},
}};

struct GateNumbers {  // what alpha and beta are where the node does not say it; nullopt: it takes none
  std::optional<float> alpha;
  std::optional<float> beta;
};
GateNumbers numbers_of(graph::Gate gate) {
  switch (gate) {
    case graph::Gate::kAffine:
      return {1.0F, 0.0F};
    case graph::Gate::kLeakyRelu:
      return {0.01F, std::nullopt};
    case graph::Gate::kThresholdedRelu:
    case graph::Gate::kElu:
      return {1.0F, std::nullopt};
    case graph::Gate::kScaledTanh:
      return {1.0F, 1.0F};
    case graph::Gate::kHardSigmoid:
      return {0.2F, 0.5F};
    default:
      return {};
  }
}

// Lists of alphas and betas hold numbers only for the activations that take them; the graph has one for each gate.
void read_gates(Call& c, graph::RecurrentAttributes& a) {
  const std::vector<float> alphas = c.reals("activation_alpha");
  const std::vector<float> betas = c.reals("activation_beta");
  std::size_t next_alpha = 0;
  std::size_t next_beta = 0;
  for (std::string name : c.texts("activations")) {
    std::ranges::transform(name, name.begin(), [](char letter) {
      return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    });
    const auto known = std::ranges::find(kGates, name, &std::pair<std::string_view, graph::Gate>::first);
    if (known == kGates.end()) return c.refuse("an activation that is not known");
    const GateNumbers numbers = numbers_of(known->second);
    a.gates.push_back(known->second);
    a.alphas.push_back(numbers.alpha && next_alpha < alphas.size() ? alphas[next_alpha++] : numbers.alpha.value_or(0.0F));
    a.betas.push_back(numbers.beta && next_beta < betas.size() ? betas[next_beta++] : numbers.beta.value_or(0.0F));
  }
  if (next_alpha < alphas.size() || next_beta < betas.size()) c.refuse("numbers for activations that take none");
}

graph::RecurrentAttributes recurrent_attributes(Call& c) {
  graph::RecurrentAttributes a;
  const std::string direction = c.text("direction", "forward");
  if (direction == "reverse") a.direction = graph::Direction::kReverse;
  else if (direction == "bidirectional") a.direction = graph::Direction::kBidirectional;
  else if (direction != "forward") c.bad("its attribute 'direction' is '" + direction + "'");
  a.hidden = c.int32("hidden_size", 0);
  const tensor::Shape* weights = c.shape(c.in(2));
  if (a.hidden == 0 && weights != nullptr && weights->rank() == 3 && (*weights)[2] <= INT32_MAX)
    a.hidden = static_cast<std::int32_t>((*weights)[2]);
  if (a.hidden <= 0) c.bad("it has no hidden_size");
  a.clip = c.real("clip", 0.0F);
  if (c.opset() >= 14) a.batch_first = c.flag("layout");
  if (c.opset() < 7) c.ignore("output_sequence");
  read_gates(c, a);
  return a;
}

Ids recurrent_of(Call& c, const graph::RecurrentAttributes& a, std::size_t inputs_max, std::size_t outputs) {
  Ids inputs{c.in(0), c.in(1), c.in(2)};
  for (std::size_t i = 3; i < inputs_max; ++i) inputs.push_back(c.optional(i));
  std::vector<bool> wanted;
  for (std::size_t i = 0; i < outputs; ++i) wanted.push_back(c.wants(i));
  while (wanted.size() > 1 && !wanted.back()) wanted.pop_back();
  const Ids y = c.emit_all(c.op(), a, std::move(inputs), wanted);
  for (std::size_t i = 0; i < y.size() && !c.failed(); ++i) c.hint_rank(y[i], i == 0 ? 4 : 3);
  return y;
}

Ids rnn(Call& c) {
  return recurrent_of(c, recurrent_attributes(c), 6, 2);
}

Ids gru(Call& c) {
  graph::RecurrentAttributes a = recurrent_attributes(c);
  a.linear_before_reset = c.flag("linear_before_reset");
  return recurrent_of(c, a, 6, 2);
}

Ids lstm(Call& c) {
  graph::RecurrentAttributes a = recurrent_attributes(c);
  a.input_forget = c.flag("input_forget");
  return recurrent_of(c, a, 8, 3);
}

// Sums of products of one or two tensors whose subscripts are those of a matrix product after transposing: the operands'
// axes are brought into the order [batch..., kept, summed], and the result's into the wanted one.
struct Term {
  std::string labels;
  TensorId id = kNoTensor;
};

std::vector<std::int32_t> order_of(const std::string& from, const std::string& to) {
  std::vector<std::int32_t> permutation;
  for (const char label : to) permutation.push_back(static_cast<std::int32_t>(from.find(label)));
  return permutation;
}

TensorId in_order(Call& c, const Term& term, const std::string& to) {
  return term.labels == to || c.failed() ? term.id : c.permuted(term.id, order_of(term.labels, to));
}

// Axes in no other place are summed away.
Term without(Call& c, Term term, const std::string& kept) {
  Dims axes;
  std::string labels;
  for (std::size_t i = 0; i < term.labels.size(); ++i) {
    if (kept.find(term.labels[i]) == std::string::npos) axes.push_back(static_cast<std::int64_t>(i));
    else labels += term.labels[i];
  }
  if (axes.empty() || c.failed()) return term;
  const TensorId y = c.emit(Op::kReduceSum, graph::ReduceAttributes{false, false}, {term.id, c.ints(axes)});
  if (!c.failed()) c.hint_rank(y, labels.size());
  return {labels, y};
}

// Elementwise over all labels, then summed: simple, and small tensors are what Einsum has in edge models.
Term product(Call& c, const Term& a, const Term& b, const std::string& kept) {
  std::string all = a.labels;
  for (const char label : b.labels) {
    if (all.find(label) == std::string::npos) all += label;
  }
  const auto spread = [&](const Term& term) {
    std::string present;
    Dims axes;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (term.labels.find(all[i]) != std::string::npos) present += all[i];
      else axes.push_back(static_cast<std::int64_t>(i));
    }
    const TensorId ordered = in_order(c, term, present);
    if (axes.empty() || c.failed()) return ordered;
    const TensorId y = c.emit(Op::kUnsqueeze, graph::AxesAttributes{}, {ordered, c.ints(axes)});
    if (!c.failed()) c.hint_rank(y, all.size());
    return y;
  };
  return without(c, {all, c.binary(Op::kMul, spread(a), spread(b))}, kept);
}

bool is_plain(const std::string& labels) {
  std::set<char> seen;
  return std::ranges::all_of(labels, [&](char label) {
    return ((label >= 'a' && label <= 'z') || (label >= 'A' && label <= 'Z')) && seen.insert(label).second;
  });
}

Ids einsum(Call& c) {
  std::string equation = c.text("equation", "");
  std::erase(equation, ' ');
  const std::size_t arrow = equation.find("->");
  const Ids all = c.all_inputs();
  std::vector<Term> terms;
  const std::string left = equation.substr(0, arrow);
  for (std::size_t at = 0, i = 0; i < all.size() && at <= left.size(); ++i) {
    const std::size_t comma = std::min(left.find(',', at), left.size());
    terms.push_back({left.substr(at, comma - at), all[i]});
    at = comma + 1;
  }
  const std::string wanted = arrow == std::string::npos ? "" : equation.substr(arrow + 2);
  bool plain = arrow != std::string::npos && is_plain(wanted) && terms.size() == all.size() && !terms.empty() &&
               std::ranges::count(left, ',') + 1 == static_cast<std::ptrdiff_t>(all.size());
  for (const Term& term : terms) plain = plain && is_plain(term.labels) && c.rank(term.id) == term.labels.size();
  for (const char label : wanted) plain = plain && left.find(label) != std::string::npos;
  if (!plain) c.refuse("equation '" + equation + "'");
  if (c.failed()) return {kNoTensor};
  Term sum = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) {
    std::string kept = wanted;
    for (std::size_t j = i + 1; j < terms.size(); ++j) kept += terms[j].labels;
    sum = product(c, sum, terms[i], kept);
  }
  sum = without(c, sum, wanted);
  const TensorId y = in_order(c, sum, wanted);
  return {y == all[0] ? c.emit(Op::kIdentity, graph::NoAttributes{}, {y}) : y};
}

constexpr std::array kRows = {
    OnnxOp{"Einsum", 12, einsum},
    OnnxOp{"GRU", 7, gru, Op::kGru},
    OnnxOp{"Gemm", 1, gemm},
    OnnxOp{"LSTM", 7, lstm, Op::kLstm},
    OnnxOp{"MatMul", 1, mat_mul},
    OnnxOp{"MatMulInteger", 10, mat_mul_integer},
    OnnxOp{"RNN", 7, rnn, Op::kRnn},
};

}  // namespace

std::span<const OnnxOp> layer_ops() {
  return kRows;
}

}  // namespace lichen::formats
