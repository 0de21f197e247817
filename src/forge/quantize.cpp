// SPDX-License-Identifier: Apache-2.0
#include "forge/quantize.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "forge/calibrate.hpp"
#include "forge/scales.hpp"
#include "graph/ops/schema.hpp"
#include "graph/verify.hpp"

namespace lichen::forge {
namespace {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

constexpr const char* kQuantizing = "cannot quantize model";

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

// Writes the integer model beside the float one, node by node.
class Quantizer {
 public:
  Quantizer(const graph::Graph& model, std::vector<Range> ranges, Border border)
      : model_(model), ranges_(std::move(ranges)), border_(border), to_(model.tensors.size(), kNoTensor) {
    out_.name = model.name;
  }

  Result<graph::Graph> run() {
    for (const TensorId id : model_.inputs) add_input(id);
    for (const graph::Node& node : model_.nodes) LICHEN_TRY(add_node(node));
    for (const TensorId id : model_.outputs) LICHEN_TRY(add_output(id));
    LICHEN_TRY(graph::verify(out_));
    return std::move(out_);
  }

 private:
  [[nodiscard]] TensorId& to(TensorId id) { return to_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::unexpected<Error> refuse(const graph::Node& node, std::string why) const {
    return fail(Code::kUnsupported, kQuantizing,
                fmt::format("{}, {} '{}'", model_.name, graph::schema_of(node.op).name, node.name), std::move(why));
  }
  [[nodiscard]] tensor::Quantization measured(TensorId id) const {
    return activation_quantization(ranges_[static_cast<std::size_t>(id)]);
  }
  // With a border in f32 the plain name is the f32 tensor's; the i8 one beside it needs another.
  [[nodiscard]] std::string inner_name(TensorId id) const {
    const bool at_border = std::ranges::count(model_.inputs, id) + std::ranges::count(model_.outputs, id) > 0;
    return model_.tensor(id).spec.name + (border_ == Border::kFloat && at_border ? "/int8" : "");
  }
  TensorId add_activation(TensorId id, tensor::Quantization quantization) {
    to(id) = out_.add(inner_name(id), tensor::DType::kI8, model_.tensor(id).spec.shape, std::move(quantization));
    return to(id);
  }

  void add_input(TensorId id) {
    const TensorId stored = add_activation(id, measured(id));
    if (border_ == Border::kInt8) {
      out_.inputs.push_back(stored);
      return;
    }
    const tensor::TensorSpec& spec = model_.tensor(id).spec;
    const TensorId real = out_.add(spec.name, tensor::DType::kF32, spec.shape);
    out_.nodes.push_back({Op::kQuantize, spec.name + "/quantize", {}, {real}, {stored}});
    out_.inputs.push_back(real);
  }

  Result<void> add_output(TensorId id) {
    const tensor::TensorSpec& spec = model_.tensor(id).spec;
    if (to(id) == kNoTensor) return fail(Code::kUnsupported, kQuantizing, spec.name, "a graph output that is constant");
    if (border_ == Border::kInt8) {
      out_.outputs.push_back(to(id));
      return {};
    }
    const TensorId real = out_.add(spec.name, tensor::DType::kF32, spec.shape);
    out_.nodes.push_back({Op::kDequantize, spec.name + "/dequantize", {}, {to(id)}, {real}});
    out_.outputs.push_back(real);
    return {};
  }

  Result<void> add_node(const graph::Node& node) {
    switch (node.op) {
      case Op::kConv2D:
        return add_weighted(node, 0);
      case Op::kDepthwiseConv2D:
        return add_weighted(node, 3);
      case Op::kFullyConnected:
        return add_weighted(node, kPerTensor);
      case Op::kAveragePool2D:
      case Op::kMaxPool2D:
      case Op::kReshape:
        return add_same_scale(node);
      case Op::kSoftmax:
      case Op::kLogistic:
        return add_plain(node, probability_quantization());
      case Op::kAdd:
      case Op::kMul:
      case Op::kRelu:
      case Op::kRelu6:
        return add_plain(node, measured(node.outputs[0]));
      default:
        break;
    }
    return refuse(node, "only models in f32 throughout are quantized");
  }

  // The i8 form of an input that is not weights: computed, or a constant operand with its own range.
  Result<TensorId> operand(const graph::Node& node, TensorId id) {
    if (to(id) != kNoTensor) return to(id);
    const graph::Tensor& tensor = model_.tensor(id);
    if (!tensor.constant || tensor.spec.dtype != tensor::DType::kF32) return refuse(node, "an operand that is not f32");
    const std::span<const float> values = tensor.constant->as<float>();
    if (values.empty() || !all_finite(values)) return refuse(node, "a constant that is empty or not finite");
    const auto [min, max] = std::ranges::minmax(values);
    const tensor::Quantization q = activation_quantization({min, max});
    to(id) = out_.add_constant(tensor.spec.name, tensor.spec.shape,
                               std::span<const std::int8_t>(quantize_values(values, q)), q);
    return to(id);
  }

  Result<void> add_plain(const graph::Node& node, tensor::Quantization quantization) {
    std::vector<TensorId> inputs;
    inputs.reserve(node.inputs.size());
    for (const TensorId id : node.inputs) inputs.push_back(LICHEN_TRY(operand(node, id)));
    push(node, std::move(inputs), std::move(quantization));
    return {};
  }

  // Ops that move values without computing new ones keep the scale of their input.
  Result<void> add_same_scale(const graph::Node& node) {
    std::vector<TensorId> inputs = {LICHEN_TRY(operand(node, node.inputs[0]))};
    if (node.inputs.size() > 1 && node.inputs[1] != kNoTensor) inputs.push_back(copy_constant(node.inputs[1]));
    tensor::Quantization quantization = out_.tensor(inputs[0]).quantization;
    push(node, std::move(inputs), std::move(quantization));
    return {};
  }

  TensorId copy_constant(TensorId id) {
    graph::Tensor tensor = model_.tensor(id);
    const ByteView bytes = tensor.constant->bytes();
    tensor.constant = tensor::Data::own(Bytes(bytes.begin(), bytes.end()));
    return out_.add(std::move(tensor));
  }

  // Conv2D, DepthwiseConv2D, FullyConnected: input, weights, bias. Weights are quantized for each node that uses them,
  // since the bias depends on the input's scale.
  Result<void> add_weighted(const graph::Node& node, std::size_t axis) {
    const TensorId input = LICHEN_TRY(operand(node, node.inputs[0]));
    const graph::Tensor& weights = model_.tensor(node.inputs[1]);
    if (weights.spec.dtype != tensor::DType::kF32) return refuse(node, "its weights are not f32");
    const auto weight_values = weights.constant->as<float>();
    const std::vector<float> bias = bias_of(node, weights.spec.shape[axis == 3 ? 3 : 0]);
    if (!all_finite(weight_values) || !all_finite(bias)) return refuse(node, "weights that are not finite");
    const QuantizedWeights q = quantize_weights(weight_values, bias, layout_of(weights.spec.shape, axis),
                                                axis == kPerTensor ? 0 : axis, out_.tensor(input).quantization.scale());
    std::vector<TensorId> inputs = {input, out_.add_constant(weights.spec.name, weights.spec.shape,
                                                             std::span<const std::int8_t>(q.values), q.quantization)};
    inputs.push_back(out_.add_constant(weights.spec.name + "/bias", {static_cast<std::int64_t>(bias.size())},
                                       std::span<const std::int32_t>(q.bias), q.bias_quantization));
    push(node, std::move(inputs), measured(node.outputs[0]));
    return {};
  }

  // Zeros where there is none: LiteRT's integer convolutions insist on a bias.
  [[nodiscard]] std::vector<float> bias_of(const graph::Node& node, std::int64_t units) const {
    if (node.inputs.size() < 3 || node.inputs[2] == kNoTensor)
      return std::vector<float>(static_cast<std::size_t>(units), 0.0F);
    const std::span<const float> values = model_.tensor(node.inputs[2]).constant->as<float>();
    return {values.begin(), values.end()};
  }

  static ChannelLayout layout_of(const tensor::Shape& shape, std::size_t axis) {
    if (axis == kPerTensor) return {};
    ChannelLayout layout;
    layout.channels = static_cast<std::size_t>(shape[axis]);
    for (std::size_t i = axis + 1; i < shape.rank(); ++i) layout.inner *= static_cast<std::size_t>(shape[i]);
    return layout;
  }

  void push(const graph::Node& node, std::vector<TensorId> inputs, tensor::Quantization quantization) {
    const TensorId output = add_activation(node.outputs[0], std::move(quantization));
    out_.nodes.push_back({node.op, node.name, node.attributes, std::move(inputs), {output}});
  }

  static constexpr std::size_t kPerTensor = tensor::kRankMax;

  const graph::Graph& model_;
  std::vector<Range> ranges_;
  Border border_;
  graph::Graph out_;
  std::vector<TensorId> to_;  // of each tensor of the model: the i8 tensor in its place
};

}  // namespace

Result<graph::Graph> quantize_int8(const graph::Graph& model, std::span<const Bytes> samples,
                                   const QuantizeOptions& options) {
  LICHEN_TRY(graph::verify(model));
  return Quantizer(model, LICHEN_TRY(measure_ranges(model, samples)), options.border).run();
}

}  // namespace lichen::forge
