// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite_incoming.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "graph/ops/schema.hpp"

namespace lichen::formats {

using graph::Activation;
using graph::Op;
using graph::TensorId;

Incoming::Incoming(const tflite::Operator& from, graph::Graph& graph, TfliteVariables& variables)
    : from_(from), graph_(graph), variables_(variables) {}

Result<void> Incoming::expect(std::size_t inputs_min, std::size_t inputs_max, std::size_t outputs_min,
                              std::size_t outputs_max, std::size_t required) {
  if (inputs.size() < inputs_min || inputs.size() > inputs_max || outputs.size() < outputs_min ||
      outputs.size() > outputs_max) {
    return fail(Code::kBadInput, "bad operator", "tensors",
                fmt::format("{} inputs and {} outputs", inputs.size(), outputs.size()));
  }
  for (std::size_t i = 0; i < std::min(required, inputs.size()); ++i) {
    if (inputs[i] == graph::kNoTensor)
      return fail(Code::kBadInput, "bad operator", fmt::format("input {} is tensor -1", i));
  }
  if (std::ranges::find(outputs, graph::kNoTensor) != outputs.end())
    return fail(Code::kBadInput, "bad operator", "output is tensor -1");
  return {};
}

Result<std::vector<std::int64_t>> Incoming::integers(std::size_t i, std::string_view what) const {
  const graph::Node node{Op::kIdentity, {}, {}, inputs, outputs};
  const graph::NodeView view(graph_, node);
  const bool integer = view.has_input(i) && (view.input(i).spec.dtype == tensor::DType::kI32 ||
                                             view.input(i).spec.dtype == tensor::DType::kI64);
  if (!integer)
    return fail(Code::kBadInput, "bad operator", fmt::format("input {}", i), fmt::format("{} must be i32", what));
  auto values = view.integers(i);
  if (!values)
    return fail(Code::kUnsupported, "bad operator", fmt::format("input {}", i),
                fmt::format("{} that is computed", what));
  return *std::move(values);
}

Result<std::int64_t> Incoming::integer(std::size_t i, std::string_view what) const {
  const std::vector<std::int64_t> values = LICHEN_TRY(integers(i, what));
  if (values.size() != 1)
    return fail(Code::kBadInput, "bad operator", fmt::format("input {}", i),
                fmt::format("{} of {} elements", what, values.size()));
  return values.front();
}

std::string Incoming::temporary_name() {
  const std::string base = outputs.empty() || outputs[0] < 0 ? std::string("operator") : tensor(outputs[0]).spec.name;
  return fmt::format("{}.{}", base, ++made_);
}

TensorId Incoming::temporary(TensorId like) {
  graph::Tensor made{{temporary_name(), tensor(like).spec.dtype, tensor::Shape::unknown()}, {}, {}};
  if (!tensor(like).quantization.per_channel()) made.quantization = tensor(like).quantization;
  return graph_.add(std::move(made));
}

TensorId Incoming::temporary(tensor::DType dtype) {
  return graph_.add(temporary_name(), dtype, tensor::Shape::unknown());
}

TensorId Incoming::constant(tensor::Shape shape, std::span<const std::int32_t> values) {
  return graph_.add_constant(temporary_name(), shape, values);
}

TensorId Incoming::constant(float value) {
  return graph_.add_constant(temporary_name(), tensor::Shape{1}, std::span<const float>(&value, 1));
}

TensorId Incoming::zero(tensor::DType dtype, const tensor::Shape& shape) {
  graph::Tensor made{{temporary_name(), dtype, shape}, {}, {}};
  made.constant = tensor::Data::own(Bytes(made.spec.bytes()));
  return graph_.add(std::move(made));
}

void Incoming::add(Op op, graph::Attributes attributes, std::vector<TensorId> node_inputs,
                   std::vector<TensorId> node_outputs) {
  std::string name;
  if (!node_outputs.empty() && node_outputs[0] >= 0) name = tensor(node_outputs[0]).spec.name;
  graph_.nodes.push_back({op, std::move(name), std::move(attributes), std::move(node_inputs), std::move(node_outputs)});
}

Result<TensorId> Incoming::before_activation(Activation activation) {
  const TensorId out = outputs.at(0);
  if (activation == Activation::kNone) return out;
  if (activation == Activation::kTanh && tensor(out).spec.dtype != tensor::DType::kF32)
    return bad_options("a fused tanh of integers", Code::kUnsupported);
  return temporary(out);
}

void Incoming::activate(Activation activation, TensorId before) {
  constexpr Op kOps[] = {Op::kIdentity, Op::kRelu, Op::kReluN1To1, Op::kRelu6, Op::kTanh};
  if (activation == Activation::kNone) return;
  add(kOps[static_cast<std::size_t>(activation)], graph::UnaryAttributes{}, {before}, {outputs.at(0)});
}

}  // namespace lichen::formats
