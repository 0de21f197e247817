// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "engine/backends/xnnpack/operators.hpp"

namespace lichen::engine::xnnpack {
namespace {

struct Shapes {
  std::vector<std::size_t> a, b;
};

std::vector<std::size_t> sizes_of(const tensor::Shape& shape) {
  std::vector<std::size_t> sizes;
  for (const std::int64_t d : shape.dims()) sizes.push_back(static_cast<std::size_t>(d));
  return sizes;
}

std::unique_ptr<Step> float_step(const Shapes& s, kernels::FloatRange range) {
  Operator op = create([&](xnn_operator_t* to) { return xnn_create_add_nd_f32(range.min, range.max, 0, to); });
  return step_of("add f32 xnnpack", std::move(op), 2, [s](xnn_operator_t it, const StepBuffers& b) {
    return xnn_setup_add_nd_f32(it, s.a.size(), s.a.data(), s.b.size(), s.b.data(), b.in<float>(0), b.in<float>(1),
                                b.out<float>(), nullptr);
  });
}

std::unique_ptr<Step> integer_step(const BuildContext& context, const Shapes& s, graph::Activation activation) {
  const tensor::Quantization& a = context.node.input(0).quantization;
  const tensor::Quantization& b = context.node.input(1).quantization;
  const tensor::Quantization& out = context.node.output().quantization;
  const kernels::IntegerClamp clamp = clamp_of(activation, context.node.output());
  if (clamp.min >= clamp.max) return nullptr;
  const auto i8 = [](std::int32_t value) { return static_cast<std::int8_t>(value); };
  Operator op = create([&](xnn_operator_t* to) {
    return xnn_create_add_nd_qs8(i8(a.zero_point()), a.scale(), i8(b.zero_point()), b.scale(), i8(out.zero_point()),
                                 out.scale(), i8(clamp.min), i8(clamp.max), 0, to);
  });
  return step_of("add i8 xnnpack (within 1 LSB)", std::move(op), 2, [s](xnn_operator_t it, const StepBuffers& x) {
    return xnn_setup_add_nd_qs8(it, s.a.size(), s.a.data(), s.b.size(), s.b.data(), x.in<std::int8_t>(0),
                                x.in<std::int8_t>(1), x.out<std::int8_t>(), nullptr);
  });
}

}  // namespace

StepResult add(const BuildContext& context) {
  const graph::Activation activation = context.node.attributes<graph::ElementwiseAttributes>().activation;
  const Shapes shapes{sizes_of(context.node.input(0).spec.shape), sizes_of(context.node.input(1).spec.shape)};
  if (!has_clamp(activation) || std::max(shapes.a.size(), shapes.b.size()) > XNN_MAX_TENSOR_DIMS)
    return std::unique_ptr<Step>();
  const bool is_float = context.node.output().spec.dtype == tensor::DType::kF32;
  return is_float ? float_step(shapes, range_of(activation)) : integer_step(context, shapes, activation);
}

}  // namespace lichen::engine::xnnpack
