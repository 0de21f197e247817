// SPDX-License-Identifier: Apache-2.0
// Where, Clip and PRelu.
#include "kernels/reference/select.hpp"

#include <array>

#include "engine/native/pairs.hpp"
#include "engine/native/quantization.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using kernels::Index;
using tensor::DType;

template <typename T>
StepResult where_step(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto shape = reference::broadcast_of(
      {node.input(0).spec.shape, node.input(1).spec.shape, node.input(2).spec.shape}, node.output().spec.shape);
  return make_step("where reference", 0, [shape](const StepBuffers& b) {
    reference::where(shape, b.in<std::uint8_t>(0), b.in<T>(1), b.in<T>(2), b.out<T>());
  });
}

StepResult build_where(const BuildContext& context) {
  switch (size_of(context.node.output().spec.dtype)) {
    case 1:
      return where_step<std::uint8_t>(context);
    case 2:
      return where_step<std::uint16_t>(context);
    case 4:
      return where_step<std::uint32_t>(context);
    default:
      return where_step<std::uint64_t>(context);
  }
}

template <typename T>
StepResult clip_step(const BuildContext& context) {
  return make_step("clip reference", 0, [count = elements_of(context.node.output())](const StepBuffers& b) {
    b.threads->parallel_for(count, 1 << 15, [&](Index begin, Index end) {
      reference::clip(std::span(b.in<T>(0) + begin, static_cast<std::size_t>(end - begin)), b.in<T>(1), b.in<T>(2),
                      b.out<T>() + begin);
    });
  });
}

StepResult build_clip(const BuildContext& context) {
  if (context.node.input(0).spec.dtype == DType::kF32) return clip_step<float>(context);
  return with_integer_type(context.node.input(0).spec.dtype, [&]<typename T>(Type<T>) -> StepResult {
    if constexpr (std::is_void_v<T>) {
      return not_computed(context);
    } else {
      return clip_step<T>(context);
    }
  });
}

template <typename T>
StepResult prelu_by_reals(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const reference::PairAffine q{affine_of(node.input(0)), affine_of(node.input(1)), affine_of(node.output()),
                                rounding_of(context)};
  return pair_step<T, T, T>(
      broadcast_of(node), "prelu by reals reference",
      [q, function = reference::binary_f32("PRelu")](const reference::Broadcast& s, const T* a, const T* b, T* out) {
        reference::binary_by_reals(s, a, b, function, {}, q, out);
      });
}

StepResult build_prelu(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const DType dtype = node.input(0).spec.dtype;
  if (graph::is_quantized(node.input(0))) {
    if (node.output().spec.dtype != dtype) return not_computed(context);
    if (rounding_of(context) == reference::Rounding::kAwayFromZero) return build_binary_fixed(context);
    return dtype == DType::kI8 ? prelu_by_reals<std::int8_t>(context) : prelu_by_reals<std::uint8_t>(context);
  }
  if (dtype == DType::kF32) {
    return pair_step<float, float, float>(
        broadcast_of(node), "prelu f32 reference",
        [function = reference::binary_f32("PRelu")](const reference::Broadcast& s, const float* a, const float* b,
                                                    float* out) { function(s, a, b, {}, out); });
  }
  return with_integer_type(dtype, [&]<typename T>(Type<T>) -> StepResult {
    if constexpr (std::is_void_v<T>) {
      return not_computed(context);
    } else {
      return pair_step<T, T, T>(broadcast_of(node), "prelu integer reference", reference::binary_integer<T>("PRelu"));
    }
  });
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kWhere, build_where},
    Builder{graph::Op::kClip, build_clip},
    Builder{graph::Op::kPRelu, build_prelu},
};

}  // namespace

std::span<const Builder> select_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
