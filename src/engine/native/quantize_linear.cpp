// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear. Scales and zero points are read when the step runs.
#include "kernels/reference/quantize_linear.hpp"

#include <array>

#include "engine/native/element_types.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using reference::ScaleMap;
using tensor::DType;

Result<ScaleMap> scales_of(const graph::NodeView& node) {
  const auto& a = node.attributes<graph::QuantizeLinearAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  ScaleMap map;
  if (a.block == 0 && elements_of(node.input(1)) == 1) {
    map.axis = in.elements();
    return map;
  }
  const std::size_t axis = LICHEN_TRY(graph::axis_of(a.axis, in.rank()));
  map.kind = a.block > 0 ? ScaleMap::Kind::kBlocks : ScaleMap::Kind::kAxis;
  map.block = std::max(a.block, 1);
  map.axis = in[axis];
  for (std::size_t i = 0; i < in.rank(); ++i) {
    if (i < axis) map.outer *= in[i];
    if (i > axis) map.inner *= in[i];
  }
  return map;
}

template <typename In, typename Out>
StepResult quantize_step(const BuildContext& context) {
  const auto map = LICHEN_TRY(scales_of(context.node));
  return make_step("quantize_linear reference", 0, [map](const StepBuffers& b) {
    reference::quantize_linear(map, b.in<In>(0), b.in<float>(1), b.in<Out>(2), b.out<Out>());
  });
}

template <typename Out>
StepResult quantize_to(const BuildContext& context) {
  if (context.node.input(0).spec.dtype == DType::kI32) return quantize_step<std::int32_t, Out>(context);
  return quantize_step<float, Out>(context);
}

StepResult build_quantize(const BuildContext& context) {
  switch (context.node.output().spec.dtype) {
    case DType::kI8:
      return quantize_to<std::int8_t>(context);
    case DType::kU8:
      return quantize_to<std::uint8_t>(context);
    case DType::kI16:
      return quantize_to<std::int16_t>(context);
    default:
      return not_computed(context);
  }
}

StepResult build_dequantize(const BuildContext& context) {
  const auto map = LICHEN_TRY(scales_of(context.node));
  return with_integer_type(context.node.input(0).spec.dtype, [&]<typename T>(Type<T>) -> StepResult {
    if constexpr (std::is_void_v<T> || std::is_same_v<T, std::int64_t>) {
      return not_computed(context);
    } else {
      return make_step("dequantize_linear reference", 0, [map](const StepBuffers& b) {
        reference::dequantize_linear(map, b.in<T>(0), b.in<float>(1), b.in<T>(2), b.out<float>());
      });
    }
  });
}

StepResult build_dynamic(const BuildContext& context) {
  return make_step("dynamic_quantize_linear reference", 0,
                   [count = elements_of(context.node.input(0))](const StepBuffers& b) {
                     reference::dynamic_quantize_linear(count, b.in<float>(0), b.out<std::uint8_t>(0), b.out<float>(1),
                                                        b.out<std::uint8_t>(2));
                   });
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kQuantizeLinear, build_quantize},
    Builder{graph::Op::kDequantizeLinear, build_dequantize},
    Builder{graph::Op::kDynamicQuantizeLinear, build_dynamic},
};

}  // namespace

std::span<const Builder> quantize_linear_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
