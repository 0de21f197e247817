// SPDX-License-Identifier: Apache-2.0
// ConvInteger and MatMulInteger. Zero points are read when the step runs.
#include "kernels/reference/integer_layers.hpp"

#include <array>

#include "engine/native/element_types.hpp"
#include "engine/native/window.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using kernels::Index;
using tensor::DType;

Index step_of(const graph::NodeView& node, std::size_t i) {
  return node.has_input(i) && elements_of(node.input(i)) > 1 ? 1 : 0;
}

// f(Type<A>{}, Type<B>{}) with the types of inputs 0 and 1, which check() found to be i8 or u8.
template <typename F>
StepResult with_byte_types(const graph::NodeView& node, const F& f) {
  const auto with_b = [&]<typename A>(Type<A> a) -> StepResult {
    if (node.input(1).spec.dtype == DType::kI8) return f(a, Type<std::int8_t>{});
    return f(a, Type<std::uint8_t>{});
  };
  if (node.input(0).spec.dtype == DType::kI8) return with_b(Type<std::int8_t>{});
  return with_b(Type<std::uint8_t>{});
}

StepResult build_conv(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const tensor::Shape& weights = node.input(1).spec.shape;
  auto w = LICHEN_TRY(window_of(node, node.attributes<graph::Conv2DAttributes>(), weights[1], weights[2]));
  w.groups = w.in_c / weights[3];
  const Index row_macs = w.out_w * w.out_c * weights[1] * weights[2] * weights[3];
  const Index grain = std::max<Index>(1, (Index{1} << 16) / std::max<Index>(1, row_macs));
  return with_byte_types(node, [&]<typename A, typename B>(Type<A>, Type<B>) -> StepResult {
    return make_step("conv_integer reference", 0, [w, grain, step = step_of(node, 3)](const StepBuffers& b) {
      const std::int32_t zero_point = b.in<A>(2) == nullptr ? 0 : *b.in<A>(2);
      b.threads->parallel_for(w.batch * w.out_h, grain, [&](Index begin, Index end) {
        reference::conv_integer<A, B>(w, begin, end, b.in<A>(0), zero_point, b.in<B>(1), {b.in<B>(3), step},
                                      b.out<std::int32_t>());
      });
    });
  });
}

// Strides over the batch axes of an operand with `matrix` elements a batch.
std::array<Index, tensor::kRankMax> batch_strides(const tensor::Shape& shape, std::size_t rank, Index matrix) {
  std::array<Index, tensor::kRankMax> strides{};
  Index step = matrix;
  for (std::size_t i = 2; i < shape.rank(); ++i) {  // from the last batch axis
    const Index d = shape[shape.rank() - 1 - i];
    strides[rank - 1 - (i - 2)] = d == 1 ? 0 : step;
    step *= d;
  }
  return strides;
}

reference::BatchedProduct product_of(const graph::NodeView& node) {
  const tensor::Shape& a = node.input(0).spec.shape;
  const tensor::Shape& b = node.input(1).spec.shape;
  const tensor::Shape& out = node.output().spec.shape;
  reference::BatchedProduct p;
  p.depth = a.dims().back();
  p.rows = a.rank() > 1 ? a[a.rank() - 2] : 1;
  p.columns = b.rank() > 1 ? b.dims().back() : 1;
  p.rank = out.rank() - (a.rank() > 1 ? 1 : 0) - (b.rank() > 1 ? 1 : 0);
  for (std::size_t i = 0; i < p.rank; ++i) p.batch[i] = out[i];
  p.strides_a = batch_strides(a, p.rank, p.rows * p.depth);
  p.strides_b = batch_strides(b, p.rank, p.depth * p.columns);
  return p;
}

StepResult build_matmul(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const reference::BatchedProduct p = product_of(node);
  return with_byte_types(node, [&]<typename A, typename B>(Type<A>, Type<B>) -> StepResult {
    return make_step("matmul_integer reference", 0,
                     [p, step_a = step_of(node, 2), step_b = step_of(node, 3)](const StepBuffers& b) {
                       reference::matmul_integer<A, B>(p, b.in<A>(0), {b.in<A>(2), step_a}, b.in<B>(1),
                                                       {b.in<B>(3), step_b}, b.out<std::int32_t>());
                     });
  });
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kConvInteger, build_conv},
    Builder{graph::Op::kMatMulInteger, build_matmul},
};

}  // namespace

std::span<const Builder> integer_layers_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
