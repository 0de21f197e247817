// SPDX-License-Identifier: Apache-2.0
// Reductions, places of extremes, running sums, the k best.
#include "kernels/reference/reduce.hpp"

#include <array>
#include <bit>

#include "engine/native/element_types.hpp"
#include "graph/ops/reduced.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using graph::Op;
using kernels::Index;
using reference::Reduction;
using tensor::DType;

// f(Type<T>{}) with T float or the C++ type of an integer dtype, bools as bytes.
template <typename F>
StepResult with_type(const BuildContext& context, const F& f) {
  const DType dtype = context.node.input(0).spec.dtype;
  if (dtype == DType::kF32) return f(Type<float>{});
  if (dtype == DType::kBool) return f(Type<std::uint8_t>{});
  return with_integer_type(dtype, [&]<typename T>(Type<T> type) -> StepResult {
    if constexpr (std::is_void_v<T>) {
      return not_computed(context);
    } else {
      return f(type);
    }
  });
}

// A mean's multiplier takes in 1 / count, by the same steps as LiteRT: the multiplier keeps its high bits.
kernels::Multiplier divided_by(kernels::Multiplier m, Index count) {
  int shift = 63 - std::countl_zero(static_cast<std::uint64_t>(count));
  shift = std::max(0, std::min({shift, 32, 31 + m.shift}));
  return {static_cast<std::int32_t>((std::int64_t{m.value} << shift) / count), m.shift - shift};
}

template <typename T>
StepResult quantized_sum(const BuildContext& context, const Reduction& r) {
  const auto in = affine_of(context.node.input(0));
  const auto out = affine_of(context.node.output());
  reference::SumQuantized q{in.zero_point, out.zero_point,
                            LICHEN_TRY(kernels::quantize_multiplier(double{in.scale / out.scale}))};
  if (context.node.node().op == Op::kReduceMean && r.elements_each() > 0)
    q.multiplier = divided_by(q.multiplier, r.elements_each());
  return make_step("reduce quantized reference", reference::reduction_scratch_bytes(r),
                   [r, q](const StepBuffers& b) { reference::reduce_sum(r, b.in<T>(0), q, b.scratch, b.out<T>()); });
}

StepResult build_quantized(const BuildContext& context, const Reduction& r) {
  const DType dtype = context.node.input(0).spec.dtype;
  if (context.node.output().spec.dtype != dtype) return not_computed(context);
  const bool is_fixed = rounding_of(context) == reference::Rounding::kAwayFromZero;
  if (dtype == DType::kI8) return quantized_sum<std::int8_t>(context, r);
  if (dtype == DType::kI16) {  // sums of 16 bits: LiteRT's kernel reads them as bytes, so that there is nothing to equal
    if (context.node.node().op != Op::kReduceMean || !is_fixed) return not_computed(context);
    return quantized_sum<std::int16_t>(context, r);
  }
  return quantized_sum<std::uint8_t>(context, r);
}

StepResult build_reduce(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto axes = graph::reduced_axes(node);
  if (!axes) return fail(Code::kUnsupported, "cannot plan model", {}, "axes that are not known");
  if (!*axes) return std::unexpected(axes->error());
  const Reduction r = reference::reduction_of(node.input(0).spec.shape, **axes);
  const bool sums = node.node().op == Op::kReduceMean || node.node().op == Op::kReduceSum;
  if (graph::is_quantized(node.input(0)) && sums) return build_quantized(context, r);
  if (graph::is_quantized(node.input(0)) && node.input(0).quantization != node.output().quantization)
    return not_computed(context);
  return with_type(context, [&]<typename T>(Type<T>) -> StepResult {
    reference::Reduce<T> function = reference::reduce<T>(op_name(context));
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      if (node.input(0).spec.dtype == DType::kBool) function = reference::reduce_bools(op_name(context));
    }
    if (function == nullptr) return not_computed(context);
    return make_step("reduce reference", reference::reduction_scratch_bytes(r),
                     [r, function](const StepBuffers& b) { function(r, b.in<T>(0), b.scratch, b.out<T>()); });
  });
}

template <typename T, typename To>
StepResult arg_step(const reference::AxisView& v, bool largest, bool last) {
  return make_step("arg_extreme reference", 0,
                   [=](const StepBuffers& b) { reference::arg_extreme(v, largest, last, b.in<T>(0), b.out<To>()); });
}

StepResult build_arg(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<graph::ArgAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const auto v = reference::axis_view(in, LICHEN_TRY(graph::axis_of(a.axis, in.rank())));
  const bool largest = node.node().op == Op::kArgMax;
  return with_type(context, [&]<typename T>(Type<T>) -> StepResult {
    if (a.to == DType::kI32) return arg_step<T, std::int32_t>(v, largest, a.last);
    return arg_step<T, std::int64_t>(v, largest, a.last);
  });
}

StepResult build_cumsum(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<graph::CumSumAttributes>();
  const auto axis = node.integers(1);
  if (!axis) return fail(Code::kUnsupported, "cannot plan model", {}, "an axis that is not known");
  const tensor::Shape& in = node.input(0).spec.shape;
  const auto v = reference::axis_view(in, LICHEN_TRY(graph::axis_of(axis->front(), in.rank())));
  return with_type(context, [&]<typename T>(Type<T>) -> StepResult {
    return make_step("cumulative_sum reference", 0, [=](const StepBuffers& b) {
      reference::cumulative_sum(v, a.exclusive, a.reverse, b.in<T>(0), b.out<T>());
    });
  });
}

template <typename T, typename To>
StepResult top_k_step(const reference::AxisView& v, Index k, bool largest) {
  return make_step("top_k reference", static_cast<std::size_t>(v.axis) * sizeof(std::int32_t),
                   [=](const StepBuffers& b) {
                     reference::top_k(v, k, largest, b.in<T>(0), reinterpret_cast<std::int32_t*>(b.scratch),
                                      b.out<T>(0), b.out<To>(1));
                   });
}

StepResult build_top_k(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<graph::TopKAttributes>();
  const auto k = node.integers(1);
  if (!k) return fail(Code::kUnsupported, "cannot plan model", {}, "a count that is not known");
  const tensor::Shape& in = node.input(0).spec.shape;
  const auto v = reference::axis_view(in, LICHEN_TRY(graph::axis_of(a.axis, in.rank())));
  return with_type(context, [&]<typename T>(Type<T>) -> StepResult {
    if (a.to == DType::kI32) return top_k_step<T, std::int32_t>(v, k->front(), a.largest);
    return top_k_step<T, std::int64_t>(v, k->front(), a.largest);
  });
}

constexpr std::array kBuilders = {
    Builder{Op::kReduceAll, build_reduce},    Builder{Op::kReduceAny, build_reduce},
    Builder{Op::kReduceL1, build_reduce},     Builder{Op::kReduceL2, build_reduce},
    Builder{Op::kReduceLogSum, build_reduce}, Builder{Op::kReduceLogSumExp, build_reduce},
    Builder{Op::kReduceMax, build_reduce},    Builder{Op::kReduceMean, build_reduce},
    Builder{Op::kReduceMin, build_reduce},    Builder{Op::kReduceProd, build_reduce},
    Builder{Op::kReduceSum, build_reduce},    Builder{Op::kReduceSumSquare, build_reduce},
    Builder{Op::kArgMax, build_arg},          Builder{Op::kArgMin, build_arg},
    Builder{Op::kCumSum, build_cumsum},       Builder{Op::kTopK, build_top_k},
};

}  // namespace

std::span<const Builder> reduce_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
