// SPDX-License-Identifier: Apache-2.0
#include "engine/backends/xnnpack/operators.hpp"

namespace lichen::engine::xnnpack {
namespace {

struct Matrix {
  std::size_t rows, units, depth;
};

std::unique_ptr<Step> float_step(const BuildContext& context, const Matrix& m, graph::Activation activation) {
  const kernels::FloatRange range = range_of(activation);
  Operator op = create([&](xnn_operator_t* to) {
    return xnn_create_fully_connected_nc_f32(m.depth, m.units, m.depth, m.units, constant_of<float>(context.node, 1),
                                             constant_of<float>(context.node, 2), range.min, range.max, 0, to);
  });
  return step_of("fully_connected f32 xnnpack", std::move(op), 1, [m](xnn_operator_t it, const StepBuffers& b) {
    return xnn_setup_fully_connected_nc_f32(it, m.rows, b.in<float>(0), b.out<float>(), nullptr);
  });
}

// One scale for all weights; XNNPACK has no operator for more.
std::unique_ptr<Step> integer_step(const BuildContext& context, const Matrix& m, graph::Activation activation) {
  const tensor::Quantization& in = context.node.input(0).quantization;
  const tensor::Quantization& out = context.node.output().quantization;
  const tensor::Quantization& weights = context.node.input(1).quantization;
  const kernels::IntegerClamp clamp = clamp_of(activation, context.node.output());
  if (weights.per_channel() || weights.zero_point() != 0 || clamp.min >= clamp.max) return nullptr;
  const auto i8 = [](std::int32_t value) { return static_cast<std::int8_t>(value); };
  Operator op = create([&](xnn_operator_t* to) {
    return xnn_create_fully_connected_nc_qs8(m.depth, m.units, m.depth, m.units, i8(in.zero_point()), in.scale(),
                                             weights.scale(), constant_of<std::int8_t>(context.node, 1),
                                             constant_of<std::int32_t>(context.node, 2), i8(out.zero_point()),
                                             out.scale(), i8(clamp.min), i8(clamp.max), 0, to);
  });
  return step_of(
      "fully_connected i8 xnnpack (within 1 LSB)", std::move(op), 1, [m](xnn_operator_t it, const StepBuffers& b) {
        return xnn_setup_fully_connected_nc_qs8(it, m.rows, b.in<std::int8_t>(0), b.out<std::int8_t>(), nullptr);
      });
}

}  // namespace

StepResult fully_connected(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::FullyConnectedAttributes>();
  const graph::Tensor& in = context.node.input(0);
  const graph::Tensor& weights = context.node.input(1);
  if (!has_plain_weights(context.node) || !has_clamp(a.activation)) return std::unique_ptr<Step>();
  const auto size = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  const std::int64_t depth = weights.spec.shape[1];
  const Matrix m{size(in.spec.shape.elements() / depth), size(weights.spec.shape[0]), size(depth)};
  constexpr std::size_t kPadded = 16;
  LICHEN_TRY(context.budget.take((m.units + kPadded) * (m.depth + kPadded) * sizeof(float)));
  const bool is_float = in.spec.dtype == tensor::DType::kF32;
  return is_float ? float_step(context, m, a.activation) : integer_step(context, m, a.activation);
}

}  // namespace lichen::engine::xnnpack
