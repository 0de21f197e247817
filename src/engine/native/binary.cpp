// SPDX-License-Identifier: Apache-2.0
// Ops on the elements of two tensors that broadcast against each other. Integers that mean reals follow LiteRT's
// integer arithmetic where it has one for the op and the graph asks for it; otherwise they are brought to reals and
// back.
#include "kernels/reference/binary.hpp"

#include <array>

#include "engine/native/pairs.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "kernels/reference/unary.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using graph::Op;
using reference::Broadcast;
using tensor::DType;

graph::Activation activation_of(const BuildContext& context) {
  return context.node.attributes<graph::ElementwiseAttributes>().activation;
}

reference::PairAffine pair_affine_of(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  reference::PairAffine q{affine_of(node.input(0)), affine_of(node.input(1)), {}, rounding_of(context)};
  if (graph::is_quantized(node.output())) q.out = affine_of(node.output());
  return q;
}

template <typename T>
StepResult build_by_reals(const BuildContext& context) {
  const auto q = pair_affine_of(context);
  if (context.node.output().spec.dtype == DType::kBool) {
    const auto function = reference::comparison<float>(op_name(context));
    return pair_step<T, T, bool>(broadcast_of(context.node), "comparison by reals reference",
                                 [=](const Broadcast& s, const T* a, const T* b, bool* out) {
                                   reference::comparison_by_reals(s, a, b, function, q, out);
                                 });
  }
  const auto function = reference::binary_f32(op_name(context));
  if (function == nullptr) return not_computed(context);
  const Broadcast shape = broadcast_of(context.node);
  const kernels::FloatRange range = range_of(activation_of(context));
  if constexpr (kHasVectorByReals && sizeof(T) == 1) {
    if (auto step = vector_by_reals<T>(context, op_name(context), shape, range, q)) return step;
  }
  return pair_step<T, T, T>(shape, "binary by reals reference",
                            [=](const Broadcast& s, const T* a, const T* b, T* out) {
                              reference::binary_by_reals(s, a, b, function, range, q, out);
                            });
}

StepResult build_quantized(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const DType dtype = node.input(0).spec.dtype;
  const DType out = node.output().spec.dtype;
  if (node.input(1).spec.dtype != dtype || (out != dtype && out != DType::kBool)) return not_computed(context);
  if (rounding_of(context) == reference::Rounding::kAwayFromZero) {
    if (auto step = LICHEN_TRY(build_binary_fixed(context))) return step;
  }
  return with_integer_type(dtype, [&]<typename T>(Type<T>) -> StepResult {
    if constexpr (std::is_void_v<T> || sizeof(std::conditional_t<std::is_void_v<T>, int, T>) > 2) {
      return not_computed(context);
    } else {
      return build_by_reals<T>(context);
    }
  });
}

// x^2 and x^0.5, which a general power would take long for. Null: another exponent.
std::unique_ptr<Step> simple_power(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  if (!node.is_constant(1) || elements_of(node.input(1)) != 1 || node.input(1).spec.dtype != DType::kF32 ||
      elements_of(node.input(0)) != elements_of(node.output()) || activation_of(context) != graph::Activation::kNone)
    return nullptr;
  const float exponent = node.floats(1)->front();
  if (exponent != 2.0F && exponent != 0.5F) return nullptr;
  const auto function = reference::unary_f32(exponent == 2.0F ? "Square" : "Sqrt");
  return make_step("unary f32 reference", 0, [function, count = elements_of(node.output())](const StepBuffers& b) {
    function(std::span(b.in<float>(0), static_cast<std::size_t>(count)), {}, b.out<float>());
  });
}

// Null: no vector kernel computes this op.
std::unique_ptr<Step> vector_step(const BuildContext& context) {
  if constexpr (kHasVectorKernels) {
    const kernels::FloatRange range = range_of(activation_of(context));
    if (context.node.node().op == Op::kAdd) return vector_add(context, broadcast_of(context.node), range);
    if (context.node.node().op == Op::kMul) return vector_mul(context, broadcast_of(context.node), range);
  }
  return nullptr;
}

StepResult build_f32(const BuildContext& context) {
  if (auto step = vector_step(context)) return step;
  if (context.node.node().op == Op::kPow) {
    if (auto step = simple_power(context)) return step;
  }
  const auto function = reference::binary_f32(op_name(context));
  if (function == nullptr) return not_computed(context);
  return pair_step<float, float, float>(
      broadcast_of(context.node), "binary f32 reference",
      [function, range = range_of(activation_of(context))](const Broadcast& s, const float* a, const float* b,
                                                           float* out) { function(s, a, b, range, out); });
}

StepResult build(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  if (graph::is_quantized(node.input(0))) return build_quantized(context);
  if (node.input(0).spec.dtype == DType::kF32) return build_f32(context);
  if (activation_of(context) != graph::Activation::kNone) return not_computed(context);
  return with_integer_type(node.input(0).spec.dtype, [&]<typename T>(Type<T>) -> StepResult {
    if constexpr (std::is_void_v<T>) {
      return not_computed(context);
    } else {
      const auto function = reference::binary_integer<T>(op_name(context));
      if (function == nullptr) return not_computed(context);
      return pair_step<T, T, T>(broadcast_of(node), "binary integer reference", function);
    }
  });
}

StepResult build_comparison(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  if (graph::is_quantized(node.input(0))) return build_quantized(context);
  if (node.input(0).spec.dtype == DType::kBool)
    return pair_step<std::uint8_t, std::uint8_t, bool>(broadcast_of(node), "logical reference",
                                                       reference::logical(op_name(context)));
  if (node.input(0).spec.dtype == DType::kF32)
    return pair_step<float, float, bool>(broadcast_of(node), "comparison f32 reference",
                                         reference::comparison<float>(op_name(context)));
  return with_integer_type(node.input(0).spec.dtype, [&]<typename T>(Type<T>) -> StepResult {
    if constexpr (std::is_void_v<T>) {
      return not_computed(context);
    } else {
      return pair_step<T, T, bool>(broadcast_of(node), "comparison integer reference",
                                   reference::comparison<T>(op_name(context)));
    }
  });
}

template <typename A, typename B>
std::unique_ptr<Step> pow_step(const BuildContext& context) {
  return pair_step<A, B, A>(broadcast_of(context.node), "pow mixed reference", reference::pow<A, B>);
}

StepResult build_pow(const BuildContext& context) {
  struct Row {
    DType a, b;
    std::unique_ptr<Step> (*step)(const BuildContext&);
  };
  constexpr std::array kMixed = {
      Row{DType::kF32, DType::kI32, pow_step<float, std::int32_t>},
      Row{DType::kF32, DType::kI64, pow_step<float, std::int64_t>},
      Row{DType::kI32, DType::kF32, pow_step<std::int32_t, float>},
      Row{DType::kI32, DType::kI64, pow_step<std::int32_t, std::int64_t>},
      Row{DType::kI64, DType::kF32, pow_step<std::int64_t, float>},
      Row{DType::kI64, DType::kI32, pow_step<std::int64_t, std::int32_t>},
  };
  const DType a = context.node.input(0).spec.dtype;
  const DType b = context.node.input(1).spec.dtype;
  if (a == b) return build(context);
  const auto at = std::ranges::find_if(kMixed, [&](const Row& row) { return row.a == a && row.b == b; });
  if (at == kMixed.end() || activation_of(context) != graph::Activation::kNone) return not_computed(context);
  return at->step(context);
}

constexpr std::array kBuilders = {
    Builder{Op::kAdd, build},
    Builder{Op::kAtan2, build},
    Builder{Op::kBitwiseAnd, build},
    Builder{Op::kBitwiseOr, build},
    Builder{Op::kBitwiseXor, build},
    Builder{Op::kDiv, build},
    Builder{Op::kEqual, build_comparison},
    Builder{Op::kFloorDiv, build},
    Builder{Op::kFloorMod, build},
    Builder{Op::kGreater, build_comparison},
    Builder{Op::kGreaterEqual, build_comparison},
    Builder{Op::kLess, build_comparison},
    Builder{Op::kLessEqual, build_comparison},
    Builder{Op::kLogicalAnd, build_comparison},
    Builder{Op::kLogicalOr, build_comparison},
    Builder{Op::kLogicalXor, build_comparison},
    Builder{Op::kMaximum, build},
    Builder{Op::kMinimum, build},
    Builder{Op::kMul, build},
    Builder{Op::kNotEqual, build_comparison},
    Builder{Op::kPow, build_pow},
    Builder{Op::kShiftLeft, build},
    Builder{Op::kShiftRight, build},
    Builder{Op::kSquaredDifference, build},
    Builder{Op::kSub, build},
    Builder{Op::kTruncMod, build},
};

}  // namespace

std::span<const Builder> binary_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
